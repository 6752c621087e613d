#!/usr/bin/env bash
# perf/pvp/pvp.sh for a second a case, so that it does not rot: spate through testpmd over virtio-user and vhost, and UDP
# reflected by testpmd. No rate is asked for, only that everything is answered and that testpmd saw it.
# shellcheck source=tests/lib.sh
source "$(dirname "$0")/../lib.sh"

PVP=$TESTS_DIR/../perf/pvp/pvp.sh

echo "pvp: spate - virtio-user - testpmd - virtio-user - spate"
if ! command -v dpdk-testpmd >/dev/null; then
    echo "  skipped: dpdk-testpmd is not installed (Debian: dpdk-dev)"
    exit 0
fi
check_logged pvp "pvp: exit code 0" timeout -k 10 180 "$PVP" "$BUILD" 1
sed 's/^/  /; /^  {/d' "$WORK/pvp.log"
check_eq "pvp: errors" "$(json_get "$WORK/pvp.log" errors)" 0

passed() { # passed NAME PORT: packets that testpmd received on a port
    json_get "$WORK/pvp.log" "$1/testpmd_rx_packets" | tr -d '[],' | cut -d ' ' -f $(($2 + 1))
}

check_passed() { # check_passed NAME PORT LEAST: so many packets an answer took, at least
    local answers
    answers=$(json_get "$WORK/pvp.log" "$1/answers" 0)
    check_ge "$1: answers" "$answers" 10
    # A hundredth: what was under way when the second was over.
    check_ge "$1: packets that came to testpmd's port $2" "$(passed "$1" "$2")" $((answers * $3 * 99 / 100))
}

check_passed connect 0 3  # SYN; request; FIN
check_passed connect 1 2
check_passed requests 0 1
check_passed requests 1 1
check_passed stream 1 16 # a megabyte in frames of 64 KiB, or many more
check_passed reflect 0 1
peer testpmd
