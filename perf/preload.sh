#!/usr/bin/env bash
# preload.sh: an unmodified program (spate-perf-kernel, plain sockets and epoll) under `spate run`, beside the kernel on the same veth wire
# with the same kernel server, and beside native spate on sim. One run, by turns; medians of the rounds, and ratios.
#
# Usage: perf/preload.sh [BUILD] [ROUNDS] [DURATION]      (build, 5, 2s)
# Needs root (namespaces, AF_PACKET).
set -euo pipefail

build=$(realpath "${1:-build}")
rounds=${2:-5}
duration=${3:-2s}
spate=$build/apps/spate
plain=$build/perf/spate-perf-kernel
native=$build/perf/spate-perf
ns_c=spate-perf-c-$$
ns_s=spate-perf-s-$$
server_ip=10.99.0.1
client_ip=10.99.0.2
spate_ip=10.99.0.3
server_pid=
work=$(mktemp -d "${TMPDIR:-/tmp}/spate-preload.XXXXXX")

at_end() {
    [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
    ip netns del "$ns_c" 2>/dev/null || true
    ip netns del "$ns_s" 2>/dev/null || true
    rm -rf "$work"
}
trap at_end EXIT
trap 'exit 130' INT TERM

for program in "$spate" "$plain" "$native"; do
    [ -x "$program" ] || { echo "preload.sh: $program is not there: build it first" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "preload.sh: needs root" >&2; exit 2; }

# Both clients use the same wire by turns, with an address each. The kernel would hand unfinished checksums and packets of 64 KiB over it.
for ns in "$ns_c" "$ns_s"; do
    ip netns add "$ns"
    ip -n "$ns" link set lo up
done
ip link add c0 netns "$ns_c" type veth peer name s0 netns "$ns_s"
ip -n "$ns_c" addr add $client_ip/24 dev c0
ip -n "$ns_s" addr add $server_ip/24 dev s0
ip netns exec "$ns_c" ethtool -K c0 tx off tso off gso off gro off >/dev/null
ip netns exec "$ns_s" ethtool -K s0 tx off tso off gso off gro off >/dev/null
ip -n "$ns_c" link set c0 up
ip -n "$ns_s" link set s0 up

server_start() { # server_start CASE OPTIONS...
    rm -f "$work/meet"
    "$plain" "$@" --wire veth --only server --meet "$work/meet" --server-netns "$ns_s" --server $server_ip --cpus none \
        --duration "$duration" 2>"$work/server.err" &
    server_pid=$!
    sleep 0.2
}

server_stop() {
    wait "$server_pid" || true
    server_pid=
}

say() { # say LABEL WAY LINE
    echo "$1|$2|${3:-failed}" >>"$work/out"
}

over_veth() { # over_veth LABEL CASE OPTIONS...
    local label=$1 line
    shift
    server_start "$@"
    line=$(ip netns exec "$ns_c" "$plain" "$@" --wire veth --only client --meet "$work/meet" --server $server_ip --cpus none \
        --duration "$duration" --json | tail -n 1) || true
    say "$label" "kernel, veth" "$line"
    server_stop
    server_start "$@"
    line=$(ip netns exec "$ns_c" "$spate" run --dev c0 --ip $spate_ip/24 --log-level error -- "$plain" "$@" --wire veth --only client \
        --meet "$work/meet" --server $server_ip --cpus none --duration "$duration" --json | tail -n 1) || true
    say "$label" "spate run, veth" "$line"
    server_stop
}

over_sim() { # over_sim LABEL CASE OPTIONS...: the far end of spate run echoes on port 7
    local label=$1 line
    shift
    line=$("$native" "$@" --wire sim --duration "$duration" --json | tail -n 1) || true
    say "$label" "spate, sim" "$line"
    line=$("$spate" run --dev sim --log-level error -- "$plain" "$@" --wire lo --only client --port 7 --server 10.0.0.1 \
        --cpus none --duration "$duration" --json | tail -n 1) || true
    say "$label" "spate run, sim" "$line"
}

for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    for way in over_veth over_sim; do
        $way "request, 1 connection" rps --connections 1
        $way "requests, 64 connections" rps --connections 64
    done
    over_veth "connect" connect
    over_veth "stream, 1 flow" stream --flows 1
done

python3 - "$work/out" <<'EOF'
import json
import statistics
import sys

runs = {}
for line in open(sys.argv[1]):
    label, way, point = line.rstrip("\n").split("|", 2)
    runs.setdefault(label, {}).setdefault(way, []).append(json.loads(point) if point.startswith("{") else None)

KEYS = ["connections_per_second", "requests_per_second", "bits_per_second"]


def median(points, key):
    good = [p[key] for p in points if p and key in p]
    return statistics.median(good) if len(good) == len(points) else None


failed = False
for label, ways in runs.items():
    key = next(k for k in reversed(KEYS) if any(p and k in p for points in ways.values() for p in points))
    print(f"{label} ({key})")
    for way, points in ways.items():
        value, p50 = median(points, key), median(points, "p50_us")
        failed |= value is None
        print(f"  {way:18s} {'failed' if value is None else format(value, '14,.0f')}"
              + (f"   p50 {p50:8.1f} us" if p50 is not None else ""))
    for a, b in [("spate run, veth", "kernel, veth"), ("spate run, sim", "spate, sim")]:
        if a in ways and b in ways and median(ways[a], key) and median(ways[b], key):
            print(f"  {a} / {b}: {median(ways[a], key) / median(ways[b], key):.3f}")
sys.exit(failed)
EOF
