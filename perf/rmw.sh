#!/usr/bin/env bash
# rmw.sh [CORES]: shows that no atomic read-modify-write is executed per packet. spate load opens and closes connections on sim
# under callgrind, which counts every instruction by address; those with a lock prefix, and xchg with memory, are looked up in
# the disassembly of every object. Two runs, one longer: what start-up costs is in both, and only the difference counts.
# Fails above one in a hundred packets, the C library (locks of the progress line, by time) not counted.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$(mktemp -d "${TMPDIR:-/tmp}/spate-rmw.XXXXXX")}
work=$(mktemp -d "${TMPDIR:-/tmp}/spate-rmw.XXXXXX")
cores=${1:-1}
short=2000 more=6000
packets=10 # per connection, both ends: SYN, SYN-ACK, ACK with request, answer, FINs and ACKs that ride or do not

at_exit() {
    rm -rf "$work"
    if [ -z "${BUILD:-}" ]; then rm -rf "$build"; fi
}
trap at_exit EXIT

for tool in valgrind objdump python3; do
    command -v "$tool" >/dev/null || { echo "rmw.sh: $tool is not installed" >&2; exit 1; }
done
# valgrind knows no AVX-512.
[ -f "$build/build.ninja" ] || meson setup "$build" "$here/.." -Dcpu=haswell -Dtests=false >/dev/null
ninja -C "$build" apps/spate >/dev/null

run() { # run CONNECTIONS
    valgrind --tool=callgrind --dump-instr=yes --compress-strings=no --compress-pos=no --fair-sched=yes \
        --callgrind-out-file="$work/$1.out" "$build/apps/spate" load --json --quiet --dev "${DEV:-sim}" --huge no --cores "$cores" \
        --connections 64 --requests "$1" --no-keepalive http://10.0.0.1/ >"$work/$1.json" 2>"$work/$1.err" ||
        { tail -n 5 "$work/$1.err" >&2; exit 1; }
}

run $short
run $((short + more))
python3 "$here/rmw.py" "$work/$short.out" "$work/$((short + more)).out" $more $((more * packets))
