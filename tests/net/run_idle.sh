#!/usr/bin/env bash
# `spate run` with stacks that sleep: the same bytes however they idle, what an idle stack costs, and that a device which can
# wakes it (a tap device: packets are told of by its descriptor).
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "run_idle: stacks of spate run without work"
net_start
TAP_IP=10.79.0.1
TAP_S_IP=10.79.0.10
IDLE_S=2

# Asks the echo server at ADDRESS: small messages with pauses in which a stack falls asleep, then a megabyte; then waits, so that
# the service can be measured. Says the longest round trip in ms, and the CPU time of the service meanwhile in ms.
cat >"$WORK/client.py" <<'PY'
import os, socket, sys, threading, time

def cpu():
    with open(f"/proc/{os.getppid()}/stat") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) * 1000 // os.sysconf("SC_CLK_TCK")

deadline = time.time() + 10
while True:
    try:
        s = socket.create_connection((sys.argv[1], 7000), 5)
        break
    except OSError:
        if time.time() > deadline:
            raise
        time.sleep(0.1)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
s.settimeout(10)
longest = 0
for i in range(100):
    time.sleep(0.01)
    begun = time.time()
    s.sendall(b"%04d" % i)
    got = b""
    while len(got) < 4:
        got += s.recv(4)
    assert got == b"%04d" % i
    longest = max(longest, time.time() - begun)
big = os.urandom(1 << 20)
sender = threading.Thread(target=s.sendall, args=(big,))
sender.start()
got = b""
while len(got) < len(big):
    got += s.recv(1 << 16)
sender.join()
assert got == big
before = cpu()
time.sleep(float(sys.argv[2]))
print(int(longest * 1000), cpu() - before)
PY

# idles NAME NAMESPACE ADDRESS HOW MOST_CPU_MS OPTIONS...
idles() {
    local name=$1 ns=$2 address=$3 how=$4 most=$5 words
    shift 5
    check_logged "$name" "$name: all bytes came back" timeout 60 ip netns exec "$ns" "$SPATE" run "$@" --idle "$how" --huge no \
        --mbufs 8192 --max-connections 16k -- python3 "$WORK/client.py" "$address" $IDLE_S
    read -ra words <<<"$(grep -E '^[0-9]+ [0-9]+$' "$WORK/$name.log" || echo "none none")"
    check_le "$name: longest round trip of 100, ms" "${words[0]}" 500 # this machine may be busy; a missed packet takes a second
    check_le "$name: CPU time of $IDLE_S idle seconds, ms" "${words[1]}" "$most"
}

start "$NS_K" echo "$PEER" echo "$K_IP" 7000
idles poll "$NS_S" "$K_IP" poll $((IDLE_S * 1100)) "${ON_WIRE[@]}"
check_ge "poll: it does not sleep" "$(tail -n 1 "$WORK/poll.log" | cut -d ' ' -f 2)" $((IDLE_S * 100))
idles adaptive "$NS_S" "$K_IP" adaptive $((IDLE_S * 200)) "${ON_WIRE[@]}"
idles no-interrupts "$NS_S" "$K_IP" interrupt $((IDLE_S * 200)) "${ON_WIRE[@]}"
check_grep "no-interrupts: it is said" "$DEV cannot wake a stack that sleeps" "$WORK/no-interrupts.log"

if [ -c /dev/net/tun ]; then
    in_k sysctl -qw net.ipv4.ip_nonlocal_bind=1
    start "$NS_K" tap-echo "$PEER" echo "$TAP_IP" 7000
    {
        wait_for 20 in_k ip link show spt0 && in_k ip address add "$TAP_IP/24" dev spt0 && in_k ip link set spt0 up
    } >/dev/null 2>&1 &
    idles interrupt "$NS_K" "$TAP_IP" interrupt $((IDLE_S * 50)) --dev tap:spt0 --ip "$TAP_S_IP/24"
    check_eq "interrupt: nothing is said" "$(grep -c 'cannot wake' "$WORK/interrupt.log" || true)" 0
    check_eq "interrupt: nothing is wrong at the end" "$(grep -c '^EAL: Error' "$WORK/interrupt.log" || true)" 0
else
    skip "interrupt: there is no /dev/net/tun"
fi
peer "Linux $(uname -r)"
