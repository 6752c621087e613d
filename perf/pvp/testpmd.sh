# shellcheck shell=bash
# testpmd.sh: dpdk-testpmd, told what to do through a FIFO. For scripts that have a scratch folder $WORK, the array pids and
# the functions wait_for and stop (tests/lib.sh; pvp.sh has its own).

TESTPMD_IN=() # what stands before the command: another namespace

testpmd_here() { command -v dpdk-testpmd >/dev/null; }

# Comes up with forwarding stopped. 1: it does not. DEVICES are vdevs; more arguments of testpmd follow "--".
testpmd_start() { # testpmd_start CPU MODE DEVICE... [-- ARGS...]
    local cpu=$1 mode=$2 devices=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        devices+=(--vdev "$1")
        shift
    done
    [ $# -eq 0 ] || shift
    rm -f "$WORK/orders" "$WORK/testpmd.log"
    mkfifo "$WORK/orders"
    exec {testpmd_orders}<>"$WORK/orders"
    # Line by line, since its answers are read while it runs. Two lcores are the least that it takes.
    stdbuf -oL "${TESTPMD_IN[@]}" dpdk-testpmd --lcores "0@$cpu,1@$cpu" --no-huge -m 256 --no-pci --no-telemetry \
        --file-prefix "$(basename "$WORK")" "${devices[@]}" -- -i --forward-mode="$mode" --total-num-mbufs=16384 "$@" \
        <"$WORK/orders" >"$WORK/testpmd.log" 2>&1 &
    testpmd=$!
    pids+=("$testpmd")
    wait_for 20 grep -q 'testpmd>' "$WORK/testpmd.log"
}

testpmd_order() { echo "$*" >&"$testpmd_orders"; }

testpmd_stop() {
    testpmd_order stop
    testpmd_order quit
    wait_for 10 testpmd_is_gone || stop "$testpmd"
    wait "$testpmd" 2>/dev/null || true
    exec {testpmd_orders}>&-
}
testpmd_is_gone() { ! kill -0 "$testpmd" 2>/dev/null; }

# What a killed one leaves.
testpmd_leftovers() {
    rm -rf "/var/run/dpdk/$(basename "$WORK")" "${XDG_RUNTIME_DIR:-$WORK}/dpdk/$(basename "$WORK")"
}

testpmd_lines() { grep -c "$1" "$WORK/testpmd.log" || true; }
testpmd_said() { [ "$(testpmd_lines "$1")" -ge "$2" ]; } # testpmd_said PATTERN TIMES

testpmd_clear() {
    local before
    before=$(testpmd_lines 'port 0 cleared')
    testpmd_order clear port stats all
    wait_for 5 testpmd_said 'port 0 cleared' $((before + 1))
}

# RX-packets (or another counter) of each port since they were cleared, a line each.
testpmd_counts() { # testpmd_counts PORTS [COUNTER]
    local before
    before=$(testpmd_lines Tx-pps:)
    testpmd_order show port stats all
    wait_for 5 testpmd_said Tx-pps: $((before + $1)) || return 1
    awk -v skip="$before" -v counter="${2:-RX-packets}:" '/# NIC statistics for port/ { n++ }
        n > skip { for (i = 1; i < NF; i++) if ($i == counter) print $(i + 1) }' "$WORK/testpmd.log"
}
