#!/usr/bin/env bash
# Fragments against the kernel, in both directions: large pings and large datagrams of UDP echo, with the kernel's counters of
# what it put together; loss on the way costs whole datagrams and leaves nothing behind.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "fragments: pings and datagrams larger than the MTU"
net_start
start_serve 80 --http 80 --udp-echo 7

for size in 1473 3000 20000 65507; do
    check_eq "ping of $size bytes" "$(in_k ping -c 3 -i 0.2 -W 2 -s "$size" "$S_IP" | grep -oE '[0-9]+ received')" "3 received"
done

cat >"$WORK/echo.py" <<'PY'
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: not, so that fragments are made
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
sock.connect((sys.argv[1], 7))
sock.settimeout(2)
good = bad = 0
for i, size in enumerate([1472, 1473, 1480, 2952, 2953, 5000, 9000, 20000, 65507] * 20):
    data = bytes((i * 7 + k * 31) & 255 for k in range(size))
    sock.send(data)
    try:
        good += sock.recv(65536) == data
    except OSError:
        bad += 1
print(good, bad)
PY
check_eq "UDP echo of 180 datagrams of 1472 to 65507 bytes" "$(in_k timeout 120 python3 "$WORK/echo.py" "$S_IP")" "180 0"

kernel() { in_k cat /proc/net/snmp | awk -v name="$1" '/^Ip:/ { if (!n) { for (i = 2; i <= NF; i++) if ($i == name) n = i } else print $n }'; }
check_ge "the kernel has put together" "$(kernel ReasmOKs)" 172
check_eq "and failed to" "$(kernel ReasmFails)" 0
check_ge "fragments that it sent" "$(kernel FragCreates)" 2000
stop "$serve_pid"
