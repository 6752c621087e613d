#!/usr/bin/env bash
# A black hole (RFC 2923 2.1): behind a router lies a link that takes smaller packets than anybody says, and drops larger
# ones without a word. spate finds the largest that pass by what is lost (RFC 4821), over IPv4 and IPv6, in both roles; without
# the setting nothing passes.
#
#   namespace $NS_S      $NS_K                 $NS_B                          $NS_H
#   spate on sp0 ------- k0, router, r0 ------ b0, a bridge, b1 ------------- h0, the kernel's programs
#                        1500          b0 has 1300: veth drops what is longer, as a switch would
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

NS_B=spate-b-$$ NS_H=spate-h-$$
NARROW=1300 # a VLAN tag is let through beside it: without one, 4 bytes more are
H_IP=10.78.0.2 H_IP6=fd88::2
SIZE=3000000

lib_end=$(declare -f at_end)
eval "lib_${lib_end}"
at_end() {
    ip netns del "$NS_H" 2>/dev/null || true
    ip netns del "$NS_B" 2>/dev/null || true
    lib_at_end
}

in_h() { ip netns exec "$NS_H" "$@"; }

ip6_on() { # ip6_on NAMESPACE DEVICE ADDRESS
    ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=0" "net.ipv6.conf.$2.accept_ra=0" \
        "net.ipv6.conf.$2.dad_transmits=0"
    ip -n "$1" addr add "$3/64" dev "$2" nodad
}

plain() { ip netns exec "$1" ethtool -K "$2" tx off tso off gso off gro off >/dev/null 2>&1; }

narrow_start() {
    ip netns add "$NS_B"
    ip netns add "$NS_H"
    ip -n "$NS_H" link set lo up
    ip link add r0 netns "$NS_K" type veth peer name b0 netns "$NS_B"
    ip link add h0 netns "$NS_H" type veth peer name b1 netns "$NS_B"
    plain "$NS_K" r0; plain "$NS_B" b0; plain "$NS_B" b1; plain "$NS_H" h0
    ip netns exec "$NS_B" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    ip -n "$NS_B" link add br0 type bridge
    ip -n "$NS_B" link set b0 master br0 mtu "$NARROW" up
    ip -n "$NS_B" link set b1 master br0 up
    ip -n "$NS_B" link set br0 up
    ip -n "$NS_K" link set r0 up
    ip -n "$NS_H" link set h0 up
    ip -n "$NS_K" addr add 10.78.0.1/24 dev r0
    ip -n "$NS_H" addr add "$H_IP/24" dev h0
    ip -n "$NS_H" route add default via 10.78.0.1
    ip6_on "$NS_K" "$K_DEV" fd77::1
    ip6_on "$NS_K" r0 fd88::1
    ip6_on "$NS_H" h0 "$H_IP6"
    ip -n "$NS_H" -6 route add default via fd88::1
    in_k sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# The longest IP packet with data that comes from spate to the host during COMMAND; its output is in $WORK/NAME.log.
watched() { # watched NAME COMMAND...
    local name=$1
    shift
    start "$NS_H" "$name-tcpdump" tcpdump -i h0 -n -s 100 -U -Z root -w "$WORK/$name.pcap" \
        "tcp and ether dst $(in_h cat /sys/class/net/h0/address)"
    local dump=$pid
    wait_for 20 grep -q listening "$WORK/$name-tcpdump.log" || fail "tcpdump does not start"
    "$@" >"$WORK/$name.log" 2>&1 || true
    sleep 0.3
    stop "$dump"
    tcpdump -r "$WORK/$name.pcap" -Z root -n -e 2>/dev/null |
        sed -n 's/^[^)]*), length \([0-9]*\): .*/\1/p' | sort -n | tail -n 1 >"$WORK/$name.longest"
}

longest() { echo $(($(cat "$WORK/$1.longest") - 14)); } # without the Ethernet header

# spate serves, the host fetches: spate is the one that sends.
fetch() { # fetch NAME SERVE_ARGS... -- ADDRESS SECONDS
    local name=$1 args=()
    shift
    while [ "$1" != -- ]; do args+=("$1"); shift; done
    start "$NS_S" "serve-$name" "$SPATE" serve --dev "$DEV" "${args[@]}" --http 80
    serve_pid=$pid
    wait_for 20 in_h curl -g -s -m 1 -o /dev/null "http://$2/10" || fail "$name: spate serve does not answer"
    watched "$name" in_h curl -g -s -m "$3" -o /dev/null -w '%{http_code} %{size_download}' "http://$2/$SIZE"
    stop "$serve_pid"
}

# spate connects and sends a file.
upload() { # upload NAME ADDRESS SNC_ARGS...
    local name=$1 to=$2 peer
    shift 2
    start "$NS_H" "$name-peer" "$PEER" listen "$to" 7000
    peer=$pid
    wait_for 20 eval "in_h ss -Hltn sport = 7000 | grep -q 7000" || fail "$name: the kernel's program does not listen"
    watched "$name" timeout 60 ip netns exec "$NS_S" "$SNC" --dev "$DEV" "$@" "$to" 7000 <"$WORK/data"
    wait_for 20 eval "! kill -0 $peer" || true
    check_eq "$name: sha256 at the host" "$(json_get "$WORK/$name-peer.log" sha256)" "$want"
    stop "$peer"
}

ON4=(--ip "$S_IP/24" --gw "$K_IP")
ON6=(--ip fd77::10/64 --gw fd77::1)
echo "pmtu: a link of $NARROW bytes that nobody tells of"
net_start
narrow_start
head -c "$SIZE" /dev/urandom >"$WORK/data"
want=$(sha256sum "$WORK/data" | cut -d ' ' -f 1)
told() { in_k nstat -asz IcmpOutDestUnreachs Icmp6OutPktTooBigs | awk '/^Icmp/ { n += $2 } END { print n + 0 }'; }
before=$(told)

family() { # family N US PEER OPTIONS...: the hole is there without probing; with it all passes, both ways
    local n=$1 us=$2 peer=$3
    shift 3
    fetch "hole$n" "$@" -- "$us" 5
    check_eq "IPv$n without probing: nothing of the body comes" "$(cat "$WORK/hole$n.log")" "000 0"
    fetch "found$n" "$@" --mtu-probing yes -- "$us" 40
    check_eq "IPv$n with probing: all of it" "$(cat "$WORK/found$n.log")" "200 $SIZE"
    check_le "the longest packet that came" "$(longest "found$n")" $((NARROW + 4))
    check_ge "and the largest that pass were found" "$(longest "found$n")" $((NARROW - 28))
    upload "up$n" "$peer" "$@" --mtu-probing yes
    check_le "up$n: the longest packet that came" "$(longest "up$n")" $((NARROW + 4))
}

family 4 "$S_IP" "$H_IP" "${ON4[@]}"
family 6 "[fd77::10]" "$H_IP6" "${ON6[@]}"
check_eq "ICMP messages that told of it" "$(($(told) - before))" 0
