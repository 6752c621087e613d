#!/usr/bin/env bash
# connect() as the kernel does it: a program of plain socket calls goes through the rows of the table of what connect()
# returns, once on the kernel and once under `spate run`, each time in a world of its own with the same peers; what it sees is
# compared, fact by fact. ONLY=kernel leaves spate out; LONG=1 adds the rows that take minutes.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

ROWS=${ROWS:-$BUILD/tests/net/connect-rows}
HERE=$TESTS_DIR/net/rows
PEER6=fd77::1 OWN6=fd77::10
OPTIONS=()
[ "${LONG:-0}" = 0 ] || OPTIONS+=(--long)

# The far ends: the kernel's addresses, and those that peers.py makes by hand.
peers_start() {
    in_k sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
        "net.ipv6.conf.$K_DEV.disable_ipv6=0" "net.ipv6.conf.$K_DEV.accept_ra=0" "net.ipv6.conf.$K_DEV.dad_transmits=0" \
        net.ipv4.tcp_fastopen=3 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
    ip -n "$NS_K" addr add 10.77.0.3/24 dev "$K_DEV"
    local address
    for address in "$PEER6/64" fd77::3/64 fe80::1/64; do ip -n "$NS_K" addr add "$address" dev "$K_DEV" nodad; done
    start "$NS_K" "peers-$1" "$HERE/peers.py" "$K_DEV"
    wait_for 20 grep -q ready "$WORK/peers-$1.log" || fail "the peers do not start"
}

# What the kernel needs to be the client: addresses, routes of all types, and a filter.
kernel_client() {
    in_s sysctl -qw "net.ipv6.conf.$DEV.dad_transmits=0" "net.ipv6.conf.$DEV.accept_dad=0" "net.ipv6.conf.$DEV.accept_ra=0" \
        net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 "net.ipv6.conf.$DEV.disable_ipv6=0" \
        net.ipv6.conf.lo.disable_ipv6=0 net.ipv4.ip_local_reserved_ports=33000-33001,33010-33011 \
        net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
    ip -n "$NS_S" addr add "$S_IP/24" dev "$DEV" brd +
    ip -n "$NS_S" addr add "$OWN6/64" dev "$DEV" nodad
    ip -n "$NS_S" addr add ::1/128 dev lo nodad 2>/dev/null || true
    ip -n "$NS_S" addr show dev "$DEV" | grep -q 'inet6 fe80' ||
        ip -n "$NS_S" addr add fe80::10/64 dev "$DEV" nodad
    wait_for 20 eval "! ip -n $NS_S addr show dev $DEV | grep -q tentative" || fail "the kernel's addresses are not ready"
    local route
    for route in "${ROUTES[@]}"; do
        # shellcheck disable=SC2086 # words of a route
        ip -n "$NS_S" route add $route
    done
    in_s nft -f - <<RULES
table inet rows {
    chain out {
        type filter hook output priority 0;
        tcp dport 7097 drop
        udp dport 7097 drop
    }
}
RULES
}

GATEWAY=10.77.0.2 GATEWAY6=fd77::2
ROUTES=(
    "10.5.0.0/16 via $GATEWAY" "240.0.0.0/4 via $GATEWAY" "0.0.0.0/8 via $GATEWAY" "224.0.0.0/4 dev $DEV"
    "unreachable 10.8.0.0/16" "prohibit 10.9.0.0/16" "blackhole 10.7.0.0/16"
    "fd05::/16 via $GATEWAY6" "fec0::/10 via $GATEWAY6" "::10.1.2.0/120 via $GATEWAY6"
    "unreachable fd08::/16" "prohibit fd09::/16" "blackhole fd07::/16"
)

# The same for spate, and nothing of it for the kernel beneath: what falls back to it fails.
spate_client() {
    ip -n "$NS_S" link set lo down
    local route
    SPATE_RUN=("$SPATE" run "${ON_WIRE[@]}" --ip "$OWN6/64" --port-range 32768-60999
        --reserved-ports "33000-33001,33010-33011"
        --deny "out tcp dst 10.77.0.0/16 port 7097" --deny "out udp dst 10.77.0.0/16 port 7097"
        --deny "out tcp dst fd77::/64 port 7097" --deny "out udp dst fd77::/64 port 7097" --rule "spate any")
    for route in "${ROUTES[@]}"; do
        [[ $route == *" dev "* ]] || SPATE_RUN+=(--route "$route")
    done
    SPATE_RUN+=(--)
}

world_start() { # world_start NAME
    NS_S=spate-s-$1-$$ NS_K=spate-k-$1-$$
    worlds+=("$NS_S" "$NS_K")
    net_start
    peers_start "$1"
}

worlds=()
at_end() {
    local ns
    for ns in "${worlds[@]}"; do ip netns del "$ns" 2>/dev/null || true; done
    dpdk_leftovers
}

# The rows, and then those that need the link to be down.
rows_run() { # rows_run NAME COMMAND...
    local name=$1 down=()
    shift
    [ $# -eq 0 ] || down=("${@:1:$#-1}" --dad no --) # without a link nobody can be asked
    in_s timeout 260 "$@" "$ROWS" --want "$WORK/$name.want" "${OPTIONS[@]}" "${ONLY_ROWS[@]}" \
        >"$WORK/$name.rows" 2>"$WORK/$name.log" ||
        fail "$name: connect-rows ended with $?"
    ip -n "$NS_S" link set "$DEV" down
    in_s timeout 60 "${down[@]}" "$ROWS" --down --want "$WORK/$name-down.want" "${ONLY_ROWS[@]}" \
        >>"$WORK/$name.rows" 2>>"$WORK/$name.log" ||
        fail "$name: connect-rows without a link ended with $?"
    cat "$WORK/$name-down.want" >>"$WORK/$name.want"
}

echo "connect_rows: what connect() returns, on the kernel and under spate"
read -ra ONLY_ROWS <<<"${ROWS_ONLY:-}"
world_start kernel
kernel_client
begun=$SECONDS
rows_run kernel
echo "  the kernel's run took $((SECONDS - begun)) s"
if [ "${ONLY:-}" = kernel ]; then
    check "the kernel does what the table says" "$HERE/compare.py" "$WORK/kernel.rows" "$WORK/kernel.want"
    exit
fi
world_start spate
spate_client
begun=$SECONDS
rows_run spate "${SPATE_RUN[@]}"
echo "  spate's run took $((SECONDS - begun)) s"
check "the kernel does what the table says, and spate what the kernel does" \
    "$HERE/compare.py" "$WORK/kernel.rows" "$WORK/kernel.want" "$WORK/spate.rows"
check_beneath
peer "the rows of connect() on the kernel"
