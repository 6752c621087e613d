#!/usr/bin/env bash
# Frames that no decent host sends, at every layer: spate serve drops them and goes on serving. The suite asan
# runs it with its build, too. SEED=N repeats a run.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
echo "hostile: bent frames at every layer, SEED=$SEED"
net_start

answers() { in_k cat "/sys/class/net/$K_DEV/statistics/rx_packets"; }

assault() { # assault NAME FRAMES
    local mac before
    start_serve 80 --http 80 --body-size 512 --echo 7 --chargen 19
    mac=$(in_k ip neigh show "$S_IP" | awk '{ for (i = 1; i < NF; i++) if ($i == "lladdr") print $(i + 1) }')
    before=$(answers)
    check_logged "$1-frames" "$1: $2 frames" \
        in_k "$TESTS_DIR/net/hostile.py" "$K_DEV" "$K_IP" "$mac" "$S_IP" "$SEED" "$2"
    sleep 1
    check_ge "$1: packets that spate sent in answer" $(($(answers) - before)) 1000
    check "$1: spate serve is alive" kill -0 "$serve_pid"
    # Bent ARP in the kernel's name may have told spate a wrong hardware address; the kernel's next request mends it.
    in_k ip neigh flush dev "$K_DEV"
    check "$1: it serves" wait_for 20 in_k curl -sf -m 5 -o "$WORK/body" "http://$S_IP/20000"
    check_eq "$1: bytes served" "$(wc -c <"$WORK/body")" 20000
    kill -INT "$serve_pid"
    check "$1: it ends on SIGINT" wait_for 20 eval "! kill -0 $serve_pid"
    wait "$serve_pid" && status=0 || status=$?
    check_eq "$1: exit code" "$status" 0
    check_eq "$1: reports of sanitizers" "$(grep -Ec 'AddressSanitizer|runtime error' "$WORK/serve.log" || true)" 0
}

assault "$(basename "$BUILD")" 50000
