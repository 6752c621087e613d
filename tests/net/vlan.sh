#!/usr/bin/env bash
# Network interfaces against the kernel: two devices and a VLAN at one spate serve, each with its own network; what belongs to
# one is not found on another; a device that loses its link for some seconds; announcements.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "vlan: two devices, a VLAN, a link that goes down and up"
net_start
ip link add sp1 netns "$NS_S" type veth peer name k1 netns "$NS_K"
in_s ethtool -K sp1 tx off tso off gso off gro off >/dev/null 2>&1
in_k ethtool -K k1 tx off tso off gso off gro off >/dev/null 2>&1
ip -n "$NS_S" link set sp1 up
ip -n "$NS_K" addr add 10.79.0.1/24 dev k1
ip -n "$NS_K" link set k1 up
# The kernel's own VLANs where it has them; else the same in user space.
if ip -n "$NS_K" link add link k0 name k0.100 type vlan id 100 2>/dev/null; then
    echo "          802.1Q by the kernel"
else
    start "$NS_K" tagger "$TESTS_DIR/net/tagger.py" k0 100
    wait_for 20 grep -q up "$WORK/tagger.log"
fi
ip -n "$NS_K" addr add 10.78.0.1/24 dev k0.100
ip -n "$NS_K" link set k0.100 up
in_k sysctl -qw net.ipv4.conf.all.arp_ignore=1

start "$NS_K" arp tcpdump -ni k1 -l arp
start "$NS_S" serve "$SPATE" serve --dev sp0 --ip 10.77.0.10/24 --vlan 100 --ip 10.78.0.10/24 --mtu 1400 --dev sp1 \
    --ip 10.79.0.10-10.79.0.12/24 --http 80 --echo 7 --udp-echo 7
serve_pid=$pid
wait_for 20 in_k nc -z -w 1 10.77.0.10 80 || fail "spate serve did not come up"

for to in "the first device:10.77.0.10" "its VLAN 100:10.78.0.10" "the second device:10.79.0.10"; do
    name=${to%%:*} ip=${to##*:}
    check_eq "$name: 20 pings" "$(in_k "$PEER" ping "$ip" 100 20)" '{"good": 20, "errors": 0}'
    check_eq "$name: 100 000 bytes of HTTP" \
        "$(in_k curl -s -m 10 -o /dev/null -w '%{http_code} %{size_download}' "http://$ip/100000")" "200 100000"
    check_eq "$name: 500 datagrams of UDP echo" "$(in_k "$PEER" udp "$ip" 7 500 | tail -n 1)" '{"good": 500, "errors": 0}'
done

# Addresses are asked for where they are, and nowhere else.
ip -n "$NS_K" route add 10.79.0.12/32 dev k0
ip -n "$NS_K" neigh flush dev k1
check "an address of the second device is not found on the first" \
    eval "in_k '$PEER' ping 10.79.0.12 100 1 | grep -q 'good.: 0'"
ip -n "$NS_K" route del 10.79.0.12/32 dev k0
sleep 3
check_ge "announcements of three addresses on the second device" \
    "$(grep -cE 'Request who-has 10.79.0.1([012]) tell 10.79.0.1\1' "$WORK/arp.log")" 6

# ---- a link that goes down

head -c 60000000 /dev/urandom >"$WORK/data"
want=$(sha256sum <"$WORK/data" | cut -d ' ' -f 1)
start "$NS_K" transfer "$PEER" connect 10.77.0.10 7 --send "$WORK/data" --read-rate 20000000
transfer_pid=$pid
sleep 1
ip -n "$NS_S" link set sp0 down
sleep 2
ip -n "$NS_S" link set sp0 up
wait_for 60 eval "! kill -0 $transfer_pid 2>/dev/null" || true
check_eq "60 MB echoed over a link that was down for 2 s" \
    "$(json_get "$WORK/transfer.log" sha256) $(json_get "$WORK/transfer.log" error none)" "$want none"
check_eq "the link's down and up are said once each" \
    "$(grep -c 'sp0: the link is down' "$WORK/serve.log") $(grep -c 'sp0: the link is up again' "$WORK/serve.log")" "1 1"
stop "$serve_pid"
