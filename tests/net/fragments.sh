#!/usr/bin/env bash
# Fragments against the kernel, in both directions: large pings and large datagrams of UDP echo, with the kernel's counters of
# what it cut and put together. The device is net_pcap: AF_PACKET sockets with a fanout, as DPDK's are, get from the kernel not
# fragments but whole datagrams, which do not fit a packet buffer.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "fragments: pings and datagrams larger than the MTU"
net_start
ON_WIRE=(--dev "eal:net_pcap0,iface=$DEV" --ip "$S_IP/24")
start_serve 80 --http 80 --udp-echo 7

for size in 1473 3000 20000 65507; do
    check_eq "20 pings of $size bytes" "$(in_k "$PEER" ping "$S_IP" "$size" 20)" '{"good": 20, "errors": 0}'
done
check_eq "UDP echo of 90 datagrams of 1472 to 65507 bytes" "$(in_k timeout 200 "$PEER" udp-large "$S_IP" 7 90)" \
    '{"good": 90, "errors": 0}'

kernel() { # kernel NAME: of /proc/net/snmp's Ip
    in_k cat /proc/net/snmp | awk -v name="$1" '/^Ip:/ { if (n) print $n; else for (i = 2; i <= NF; i++) if ($i == name) n = i }'
}
check_eq "datagrams that the kernel put together" "$(kernel ReasmOKs)" 160
check_eq "and failed to" "$(kernel ReasmFails)" 0
check_ge "fragments that it sent" "$(kernel FragCreates)" 1500
stop "$serve_pid"
