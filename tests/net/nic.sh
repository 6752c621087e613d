#!/usr/bin/env bash
# `spate nic` against the kernel, whose AF_PACKET hash nobody can predict: what it says, what it verifies, its exit codes; and
# jumbo frames, which this device receives through buffers of its own.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "nic: what a device is said to do, and what it does; jumbo frames"
net_start

nic() { # nic NAME STATUS ARGS...: output in $WORK/NAME.log
    local name=$1 wanted=$2 status=0
    shift 2
    timeout 60 ip netns exec "$NS_S" "$SPATE" nic --json "$@" >"$WORK/$name.log" 2>&1 </dev/null || status=$?
    check_eq "$name: exit code" "$status" "$wanted"
}

nic alone 0 --dev "$DEV"
check_grep "alone: names the driver" "net_af_packet" "$WORK/alone.log"
check_grep "alone: says why an offload is not used" "TCP checksum.*not used: the device cannot" "$WORK/alone.log"
check_eq "alone: MTU" "$(json_get "$WORK/alone.log" mtu)" 1500

nic one 0 "${ON_WIRE[@]}" --probe "$K_IP:81"
check_eq "one core: answered" "$(json_get "$WORK/one.log" probe/answered)" 200
check_eq "one core: passed on" "$(json_get "$WORK/one.log" probe/passed_on)" 0

nic two 0 "${ON_WIRE[@]}" --cores 2 --probe "$K_IP:81"
check_eq "two cores: answered" "$(json_get "$WORK/two.log" probe/answered)" 400
check_eq "two cores: nothing was predicted" "$(json_get "$WORK/two.log" homing/whose)" software
check_eq "two cores: mispredicted" "$(json_get "$WORK/two.log" probe/mispredicted)" 0
check_ge "two cores: passed on" "$(json_get "$WORK/two.log" probe/passed_on)" 1
check_grep "two cores: says so in words" "RSS cannot be relied on" "$WORK/two.log"

nic nobody 1 "${ON_WIRE[@]}" --connections 3 --probe 10.77.0.99
check_eq "nobody there: verdict" "$(json_get "$WORK/nobody.log" verdict)" silent

nic sim 0 --dev sim --cores 2 --probe 10.0.0.1
check_eq "sim, two cores: verdict" "$(json_get "$WORK/sim.log" verdict)" verified
check_eq "sim, two cores: mispredicted" "$(json_get "$WORK/sim.log" probe/mispredicted)" 0

ip -n "$NS_S" link set "$DEV" mtu 9000
ip -n "$NS_K" link set "$K_DEV" mtu 9000
start_serve 7 --cores 2
cat >"$WORK/echo.py" <<'PY'
import os, socket, sys, threading
data = os.urandom(8 << 20)
s = socket.create_connection((sys.argv[1], 7), 10)
s.settimeout(20)
def send():
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
t = threading.Thread(target=send)
t.start()
back = b""
while len(back) <= len(data):
    part = s.recv(1 << 20)
    if not part:
        break
    back += part
t.join()
print("mss", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG), "same", back == data)
PY
timeout 60 ip netns exec "$NS_K" python3 "$WORK/echo.py" "$S_IP" >"$WORK/echo.log" 2>&1 || true
check_grep "8 MiB and back at MTU 9000: the same bytes, in segments of 8948" "^mss 8948 same True$" "$WORK/echo.log"
stop "$serve_pid"

