#!/usr/bin/env bash
# Routes and the filter against the kernel: a network behind a gateway, routes that refuse, rules of allow and
# deny. The network behind is an address of the kernel's loopback interface.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

FAR=10.88.0.1

echo "routes: a network behind the kernel, and what may not be reached"
net_start
ip -n "$NS_K" addr add "$FAR/32" dev lo
start "$NS_K" far timeout 200 python3 -c "import socket
s = socket.create_server(('$FAR', 8000), backlog=64)
while True:
    c = s.accept()[0]
    c.sendall(b'far away\n')
    c.close()"
wait_for 20 in_k nc -z -w 1 "$FAR" 8000

reach() { # reach NAME SETTINGS...: what snc has from the far server, or says
    local name=$1
    shift
    in_s timeout 60 "$SNC" "${ON_WIRE[@]}" "$@" "$FAR" 8000 </dev/null >"$WORK/$name.out" 2>"$WORK/$name.log" || true
    cat "$WORK/$name.out" "$WORK/$name.log"
}

expect() { # expect WHAT PATTERN SETTINGS...
    local what=$1 pattern=$2
    shift 2
    reach expect "$@" >"$WORK/expect.all"
    check_grep "$what" "$pattern" "$WORK/expect.all"
}

expect "no route" "connect: network is unreachable"
expect "a route" "far away" --route "10.88.0.0/16 via $K_IP"
expect "the default" "far away" --route "default via $K_IP metric 7"
expect "the lowest metric counts" "connect: no route to host" --route "10.88.0.0/16 via $K_IP metric 7" \
    --route "unreachable 10.88.0.0/16 metric 3"
expect "the longest prefix counts" "far away" --route "unreachable 10.88.0.0/16" --route "$FAR/32 via $K_IP"
expect "unreachable" "connect: no route to host" --gw "$K_IP" --route "unreachable 10.88.0.0/16"
expect "prohibit" "connect: permission denied" --gw "$K_IP" --route "prohibit 10.88.0.0/16"
expect "blackhole" "connect: invalid argument" --gw "$K_IP" --route "blackhole 10.88.0.0/16"
expect "a gateway that is not there" "its gateway is on the network of none of our addresses" --route "10.88.0.0/16 via 10.99.0.1"
expect "an MTU" "far away" --route "10.88.0.0/16 via $K_IP mtu 1000"

expect "allowed first" "far away" --gw "$K_IP" --allow "out tcp dst $FAR port 8000" --deny "out tcp" --deny "in udp"
start "$NS_S" denied timeout 5 "$SNC" "${ON_WIRE[@]}" --gw "$K_IP" --deny "out tcp dst 10.88.0.0/16 port 8000-8010" "$FAR" 8000
in_k timeout 4 tcpdump -nli "$K_DEV" -c 1 "tcp and host $FAR" >"$WORK/seen.log" 2>&1 || true
check_grep "denied: nothing leaves" "^0 packets captured" "$WORK/seen.log"
stop "$pid"
