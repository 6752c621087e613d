#!/usr/bin/env bash
# IPv6 against the kernel: neighbours and pings both ways, HTTP and UDP and bulk data in both roles, link-local addresses with
# their scope, fragments, and a router whose link behind is narrower (RFC 8201).
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

NS_H=spate-h-$$ # a host behind the router that the kernel is
K_IP6=fd77::1 S_IP6=fd77::10 H_IP6=fd88::2
ON_WIRE=(--dev "$DEV" --ip "$S_IP6/64" --gw "$K_IP6")
MIB=${MIB:-64}

lib_end=$(declare -f at_end)
eval "lib_${lib_end}"
at_end() {
    ip netns del "$NS_H" 2>/dev/null || true
    lib_at_end
}

ip6_on() { # ip6_on NAMESPACE DEVICE ADDRESS
    ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=0" "net.ipv6.conf.$2.accept_ra=0" "net.ipv6.conf.$2.dad_transmits=0"
    [ -z "${3:-}" ] || ip -n "$1" addr add "$3/64" dev "$2" nodad
}

link_local() { # link_local NAMESPACE DEVICE: the address made of its hardware address (RFC 4291 appendix A)
    local mac
    mac=$(ip -n "$1" -j link show "$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"])')
    python3 - "$mac" <<'END'
import ipaddress, sys
b = bytes.fromhex(sys.argv[1].replace(":", ""))
print(ipaddress.ip_address(bytes.fromhex("fe80" + "00" * 6) + bytes([b[0] ^ 2]) + b[1:3] + b"\xff\xfe" + b[3:]))
END
}

serve() { # serve NAME PORT ARGS...: until it answers
    local name=$1 port=$2
    shift 2
    start "$NS_S" "$name" "$SPATE" serve "${ON_WIRE[@]}" "$@"
    serve_pid=$pid
    if ! wait_for 20 in_k nc -6 -z -w 1 "$S_IP6" "$port"; then
        fail "spate serve did not come up on port $port"
        exit 1
    fi
}

pings() { # pings ADDRESS SIZE: how many of 20 are answered
    in_k timeout 60 "$PEER" ping "$1" "$2" 20 | python3 -c 'import json, sys; print(json.load(sys.stdin)["good"])'
}

kernel() { # kernel NAME: of /proc/net/snmp6
    in_k cat /proc/net/snmp6 | awk -v name="$1" '$1 == name { print $2 }'
}

body() { # what spate serve sends as a body of that many bytes: lines of the alphabet
    (set +o pipefail; yes abcdefghijklmnopqrstuvwxyz | head -c "$1")
}

upload() { # upload NAME KERNEL_NAMESPACE KERNEL_ADDRESS ADDRESS_FOR_SPATE: spate connects; the same bytes arrive
    start "$2" "$1" "$PEER" listen "$3" 7000
    local peer=$pid
    wait_for 20 eval "ip netns exec $2 ss -Hltn sport = 7000 | grep -q 7000" || fail "$1: the kernel's program does not listen"
    check_logged "$1-snc" "$1: spate's program exits 0" timeout 120 ip netns exec "$NS_S" "$SNC" "${ON_WIRE[@]}" "$4" 7000 \
        <"$WORK/data"
    wait_for 20 eval "! kill -0 $peer" || true
    check_eq "$1: sha256 at the kernel's program" "$(json_get "$WORK/$1.log" sha256)" "$want"
    stop "$peer"
}

download() { # download NAME ADDRESS_FOR_KERNEL: the kernel connects
    local got
    (
        set +e
        timeout 120 ip netns exec "$NS_S" "$SNC" "${ON_WIRE[@]}" --listen :: 7001 </dev/null 2>"$WORK/$1-snc.log" |
            sha256sum | cut -d ' ' -f 1 >"$WORK/$1.sum"
    ) &
    local snc=$!
    pids+=("$snc")
    wait_for 20 grep -q listening "$WORK/$1-snc.log" || fail "$1: spate's program does not listen"
    check_logged "$1" "$1: the kernel's program exits 0" timeout 120 ip netns exec "$NS_K" "$PEER" connect "$2" 7001 \
        --send "$WORK/data"
    wait "$snc" || true
    got=$(cat "$WORK/$1.sum")
    check_eq "$1: sha256 at spate" "$got" "$want"
}

echo "ip6: IPv6 against the kernel, $MIB MiB each way"
net_start
ip6_on "$NS_K" "$K_DEV" "$K_IP6"
head -c $((MIB << 20)) /dev/urandom >"$WORK/data"
want=$(sha256sum "$WORK/data" | cut -d ' ' -f 1)
S_LL=$(link_local "$NS_S" "$DEV") K_LL=$(link_local "$NS_K" "$K_DEV")

# ---- the kernel's programs against spate serve

serve serve 80 --http 80 --body-size 512 --echo 7 --udp-echo 7
check_eq "pings of 56 bytes, of 20" "$(pings "$S_IP6" 56)" 20
check_eq "pings of 1452 bytes, of 20" "$(pings "$S_IP6" 1452)" 20
check_eq "pings of the link-local address, of 20" "$(pings "$S_LL%$K_DEV" 56)" 20
wrong=""
for n in 0 1 1427 1428 1429 65536 1048576; do
    code=$(in_k curl -g -s -m 20 -o "$WORK/body" -w '%{http_code} %{size_download}' "http://[$S_IP6]/$n" || true)
    [ "$code" = "200 $n" ] || wrong+=" /$n: '$code'"
    body "$n" | cmp -s - "$WORK/body" || wrong+=" /$n: other bytes"
done
check_eq "curl: 7 sizes up to 1 MiB, wrong ones" "${wrong:-none}" none
check_eq "curl over the link-local address" \
    "$(in_k curl -g -s -m 20 -o /dev/null -w '%{http_code} %{size_download}' "http://[$S_LL%25$K_DEV]/1000" || true)" "200 1000"
check_eq "500 short connections from the kernel" \
    "$(in_k timeout 60 "$PEER" churn "$S_IP6" 7 500)" '{"good": 500, "errors": 0, "by_reason": {}}'
check_eq "UDP echo of 300 datagrams" "$(in_k timeout 100 "$PEER" udp "$S_IP6" 7 300)" '{"good": 300, "errors": 0}'
check_eq "a port that nobody has is refused" "$(in_k python3 -c "
import errno, socket
s = socket.socket(socket.AF_INET6)
s.settimeout(2)
print(errno.errorcode[s.connect_ex(('$S_IP6', 81))])")" ECONNREFUSED
check "the kernel has spate as a neighbour" eval "ip -n $NS_K -6 neigh show $S_IP6 | grep -q lladdr"
stop "$serve_pid"

# ---- spate against the kernel

start_nginx 128
sed -i "s/listen $K_IP:80/listen [$K_IP6]:80/" "$WORK/nginx.conf"
stop "$nginx_pid"
start "$NS_K" nginx6 nginx -c "$WORK/nginx.conf" -e "$WORK/nginx-error.log"
nginx_pid=$pid
wait_for 20 eval "in_k ss -Hltn sport = 80 | grep -q $K_IP6" || fail "nginx did not start"
nginx_reset_log
check_logged load "spate load: exit code 0" timeout 120 ip netns exec "$NS_S" "$SPATE" load "${ON_WIRE[@]}" --json \
    --connections 500 --requests 20000 "http://[$K_IP6]/"
check_eq "answered requests in spate's report" "$(json_get "$WORK/load.log" responses)" 20000
check_eq "errors in spate's report" "$(json_get "$WORK/load.log" errors)" 0
check_eq "requests with status 200 in nginx's log" "$(nginx_count > /dev/null; grep -c ' 200 128$' "$WORK/access.log" || true)" 20000
stop "$nginx_pid"
upload to-kernel "$NS_K" "$K_IP6" "$K_IP6"
download from-kernel "$S_IP6"
upload to-link-local "$NS_K" "$K_LL%$K_DEV" "$K_LL%1"
download from-link-local "$S_LL%$K_DEV"

# ---- a router, and a narrower link behind it

ip netns add "$NS_H"
ip -n "$NS_H" link set lo up
ip link add r0 netns "$NS_K" type veth peer name h0 netns "$NS_H"
ip -n "$NS_K" link set r0 mtu 1300 up
ip -n "$NS_H" link set h0 up
ip6_on "$NS_K" r0 fd88::1
ip6_on "$NS_H" h0 "$H_IP6"
ip -n "$NS_H" route add default via fd88::1
in_k sysctl -qw net.ipv6.conf.all.forwarding=1
before=$(kernel Icmp6OutPktTooBigs)
upload narrow "$NS_H" "$H_IP6" "$H_IP6"
check_ge "the router said that packets are too big" "$(($(kernel Icmp6OutPktTooBigs) - before))" 1

# ---- fragments (net_pcap: see fragments.sh)

ON_WIRE=(--dev "eal:net_pcap0,iface=$DEV" --ip "$S_IP6/64")
serve serve-pcap 80 --http 80 --udp-echo 7
before=$(kernel Ip6ReasmOKs)
for size in 1453 3000 20000 60000; do
    check_eq "pings of $size bytes in fragments, of 20" "$(pings "$S_IP6" "$size")" 20
done
check_eq "UDP echo of 45 datagrams of 1472 to 65507 bytes" "$(in_k timeout 100 "$PEER" udp-large "$S_IP6" 7 45)" \
    '{"good": 45, "errors": 0}'
check_ge "datagrams that the kernel put together" "$(($(kernel Ip6ReasmOKs) - before))" 125
stop "$serve_pid"
peer "Linux $(uname -r)"
