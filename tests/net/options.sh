#!/usr/bin/env bash
# The kernel with TCP options on and off, spate in both roles, over IPv4 and IPv6: files both ways at once over a bad wire, and what
# the kernel counted shows that the option was in use, or was not. MIB=N changes the amount.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

MIB=${MIB:-2}
BYTES=$((MIB << 20))
BAD="loss=1%,reorder=3%,duplicate=1%"
echo "options: $MIB MiB each way at once per row"
net_start
head -c "$BYTES" /dev/urandom >"$WORK/data"
want=$(sha256sum "$WORK/data" | cut -d ' ' -f 1)

# spate connects, the kernel's program listens.
connects() { # connects NAME SPATE_ARGS...
    local name=$1 got status=0
    shift
    start_peer_listening "$name" "$K_ADDR" 7002 --send "$WORK/data"
    local peer=$pid
    got=$(timeout 60 ip netns exec "$NS_S" "$SNC" "$@" "$K_ADDR" 7002 <"$WORK/data" 2>"$WORK/$name-snc.log" |
        sha256sum | cut -d ' ' -f 1) || status=$?
    wait_for 20 eval "! kill -0 $peer" || true
    verdict "$name" "$status" "$got"
    stop "$peer"
}

# The kernel's program connects, spate listens.
listens() { # listens NAME SPATE_ARGS...
    local name=$1
    shift
    start_snc_listening "$name" 60 "$WORK/data" "$@" --listen "$S_ADDR" 7003
    local snc=$pid
    in_k timeout 60 "$PEER" connect "$S_ADDR" 7003 --send "$WORK/data" >"$WORK/$name.log" 2>&1 || true
    wait "$snc" || true
    verdict "$name" "$(cat "$WORK/$name.exit")" "$(cat "$WORK/$name.sum")"
}

verdict() { # verdict NAME EXIT_CODE SHA256_AT_SPATE
    check_eq "$1: exit code, and sha256 of what came, at spate" "$2 $3" "0 $want"
    check_eq "$1: sha256 at the kernel's program" "$(json_get "$WORK/$1.log" sha256)" "$want"
}

# A row: the kernel's settings, spate's arguments, and what a counter of the kernel did (+ it counted, = it did not). @ in its name
# stands for the family's prefix.
row() { # row NAME COUNTER SETTING=VALUE... -- SPATE_ARGS...
    local name=$1 sign=${2:0:1} counter=${2:1} ip=IpExt set=() back=() before
    [ "$family" = 4 ] || ip=Ip6
    counter=${counter/@/$ip}
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        set+=("net.ipv4.tcp_$1")
        back+=("net.ipv4.tcp_${1%%=*}=$(in_k sysctl -n "net.ipv4.tcp_${1%%=*}")")
        shift
    done
    [ $# -eq 0 ] || shift
    [ ${#set[@]} -eq 0 ] || in_k sysctl -qw "${set[@]}"
    before=$(kernel_count "$counter")
    connects "$name-connects-$family" "${common[@]}" "$@"
    listens "$name-listens-$family" "${common[@]}" "$@"
    if [ "$sign" = + ]; then
        check_ge "$name over IPv$family: the kernel's $counter" $(($(kernel_count "$counter") - before)) 1
    else
        check_eq "$name over IPv$family: the kernel's $counter" $(($(kernel_count "$counter") - before)) 0
    fi
    [ ${#back[@]} -eq 0 ] || in_k sysctl -qw "${back[@]}"
}

rows() {
    row plain +TcpExtTCPDSACKOldSent
    row no-sack =TcpExtTCPDSACKOldSent sack=0
    row no-dsack =TcpExtTCPDSACKOldSent dsack=0
    row no-timestamps +TcpExtTCPDSACKOldSent timestamps=0
    row no-scaling +TcpExtTCPDSACKOldSent window_scaling=0
    row bare =TcpExtTCPDSACKOldSent sack=0 timestamps=0 window_scaling=0
    row no-rack +TcpExtTCPDSACKOldSent recovery=0
    row ecn +@InECT0Pkts ecn=1 -- --ecn 1
    row no-ecn =@InECT0Pkts ecn=0 -- --ecn 1
    row bbr +TcpExtTCPDSACKOldSent congestion_control=bbr -- --congestion bbr
    row reno +TcpExtTCPDSACKOldSent congestion_control=reno -- --congestion reno
}

family=4 K_ADDR=$K_IP S_ADDR=$S_IP
common=(--dev "$DEV+$BAD" --ip "$S_IP/24")
rows
in_k sysctl -qw "net.ipv6.conf.$K_DEV.disable_ipv6=0" "net.ipv6.conf.$K_DEV.accept_dad=0"
in_k ip addr add 2001:db8:77::1/64 dev "$K_DEV" nodad
family=6 K_ADDR=2001:db8:77::1 S_ADDR=2001:db8:77::10
common=(--dev "$DEV+$BAD" --ip "$S_ADDR/64")
rows
peer "Linux $(uname -r)"
