#!/usr/bin/env bash
# Multicast against the kernel: a bridge that asks as an IGMP querier and forwards only what was reported to it. Joins, answers to
# queries, leaves, sources, of IGMP versions 3 and 2; datagrams both ways.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

MEMBERS=$BUILD/tests/net/members
GROUP=239.1.2.3
PORT=5007

bridge_start() { # bridge_start IGMP_VERSION: k0 becomes its port; a query each two seconds, forgotten after five
    ip -n "$NS_K" link add br0 type bridge mcast_snooping 1 mcast_querier 1 mcast_igmp_version "$1" mcast_query_use_ifaddr 1 \
        mcast_query_interval 200 mcast_query_response_interval 100 mcast_membership_interval 500 \
        mcast_last_member_interval 50 mcast_startup_query_interval 100
    ip -n "$NS_K" addr del "$K_IP/24" dev "$K_DEV" 2>/dev/null || true
    ip -n "$NS_K" link set "$K_DEV" master br0
    ip -n "$NS_K" addr add "$K_IP/24" dev br0
    ip -n "$NS_K" link set br0 up
    in_k ip route replace 224.0.0.0/4 dev br0
}

members_start() { # members_start NAME ARGS...: commands by descriptor 9
    local name=$1
    shift
    rm -f "$WORK/say"
    mkfifo "$WORK/say"
    ip netns exec "$NS_S" "$MEMBERS" "${ON_WIRE[@]}" "$@" >"$WORK/$name.out" 2>"$WORK/$name.log" <"$WORK/say" &
    members_pid=$!
    pids+=("$members_pid")
    exec 9>"$WORK/say"
    if ! wait_for 20 grep -q joined "$WORK/$name.log"; then
        fail "members did not start"
        exit 1
    fi
}

say() { echo "$1" >&9; }
reported() { in_k bridge -d mdb show dev br0 | grep -q "port $K_DEV grp $GROUP"; }
not_reported() { ! reported; }
kernel_says() { # kernel_says TEXT: to the group
    in_k python3 -c "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 9)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('$K_IP'))
s.sendto(b'$1', ('$GROUP', $PORT))"
}

echo "multicast: a bridge of the kernel that asks who is in which group"
net_start
for version in 3 2; do
    bridge_start "$version"
    start "$NS_K" "hears$version" timeout 60 python3 -uc "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', $PORT))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('$GROUP') + socket.inet_aton('$K_IP'))
while True:
    print(s.recv(2048).decode())"
    members_start "member$version" "$GROUP" "$PORT"
    check "version $version: the join is reported" wait_for 20 reported
    sleep 8
    check "and again when it is asked for" reported
    kernel_says hello
    check "what the kernel says arrives" wait_for 20 grep -q "^hello ttl=9$" "$WORK/member$version.out"
    say good-day
    check "and what spate says" wait_for 20 grep -q "^good-day$" "$WORK/hears$version.log"
    check "its own member hears it, too" wait_for 20 grep -q "^good-day ttl=1$" "$WORK/member$version.out"
    say leave
    check "the leave is believed" wait_for 20 not_reported
    kernel_says unheard
    say join
    check "a second join" wait_for 20 reported
    kernel_says again
    check "is heard" wait_for 20 grep -q "^again ttl=9$" "$WORK/member$version.out"
    check_eq "what came in between" "$(grep -c unheard "$WORK/member$version.out" || true)" 0
    exec 9>&-
    wait "$members_pid" || fail "members ended badly"
    check "the end of the program is a leave" wait_for 20 not_reported
    stop "$pid"
    ip -n "$NS_K" link del br0
done

bridge_start 3
members_start source "$GROUP" "$PORT" "$K_IP"
check "one source: reported with it" wait_for 20 sh -c "ip netns exec $NS_K bridge -d mdb show dev br0 | grep 'grp $GROUP' | grep -q '$K_IP'"
kernel_says wanted
check "and heard" wait_for 20 grep -q "^wanted ttl=9$" "$WORK/source.out"
exec 9>&-
wait "$members_pid" || fail "members ended badly"
peer "Linux $(uname -r)"
