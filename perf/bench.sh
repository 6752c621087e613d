#!/usr/bin/env bash
# bench.sh: one table of what spate and the kernel's sockets do with the same clients and servers, one core each: spate
# over sim (two threads) and memif (two processes), the kernel over a veth pair between two namespaces. The wires take
# turns within each round, so that a noisy machine disturbs all of them alike; the median of the rounds is shown.
#
# Usage: perf/bench.sh [BUILD] [ROUNDS] [DURATION]      (build, 3, 3s)
# The veth and memif columns need root; without it they are skipped, and the table says so.
set -eu

build=${1:-build}
rounds=${2:-3}
duration=${3:-3s}
spate=$build/perf/spate-perf
kernel=$build/perf/spate-perf-kernel
ns_c=spate-perf-c-$$
ns_s=spate-perf-s-$$
server_ip=10.99.0.1
out=$(mktemp)

for program in "$spate" "$kernel"; do
    [ -x "$program" ] || { echo "bench.sh: $program is not there: build it first" >&2; exit 2; }
done

at_end() {
    ip netns del "$ns_c" 2>/dev/null || true
    ip netns del "$ns_s" 2>/dev/null || true
    rm -f "$out"
}
trap at_end EXIT
trap 'exit 130' INT TERM

veth_up() {
    local ns
    for ns in "$ns_c" "$ns_s"; do
        ip netns add "$ns"
        ip -n "$ns" link set lo up
        # Ports as spate has them; queues long enough for what the client keeps under way.
        ip netns exec "$ns" sysctl -qw net.ipv4.ip_local_port_range='1024 65535' net.core.somaxconn=65535 \
            net.ipv4.tcp_max_syn_backlog=65535 net.ipv4.tcp_tw_reuse=1
    done
    ip link add c0 netns "$ns_c" type veth peer name s0 netns "$ns_s"
    ip -n "$ns_c" addr add 10.99.0.2/24 dev c0
    ip -n "$ns_s" addr add $server_ip/24 dev s0
    ip -n "$ns_c" link set c0 up
    ip -n "$ns_s" link set s0 up
}

wires=sim
skipped=
if [ "$(id -u)" = 0 ]; then
    wires="sim memif veth"
    veth_up
else
    skipped="memif and the kernel over veth: they need root"
fi

# run LABEL WIRE CASE ARGS...: one measurement, its JSON line goes to $out with the label and the wire before it.
run() {
    local label=$1 wire=$2 line
    shift 2
    if [ "$wire" = veth ]; then
        set -- "$kernel" "$@" --wire veth --client-netns "$ns_c" --server-netns "$ns_s" --server "$server_ip"
    else
        set -- "$spate" "$@" --wire "$wire"
    fi
    line=$("$@" --duration "$duration" --json | tail -n 1) || true
    echo "$label|$wire|${line:-failed}" >>"$out"
}

for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    for cores in $(seq "$(nproc)"); do # 1, 2, 4 ... : the same work per core
        [ $((cores & (cores - 1))) -ne 0 ] || run "connect, both ends on $cores" sim connect --cores "$cores"
    done
    for wire in $wires; do
        run "connect" "$wire" connect
        run "rps, 64 connections" "$wire" rps --connections 64
        run "rps, 10 k connections" "$wire" rps --connections 10k
        run "stream, 1 flow" "$wire" stream --flows 1
        run "stream, 64 flows" "$wire" stream --flows 64
    done
done

# The median of each label and wire; a failed measurement is shown as such.
awk -F'|' -v wires="$wires" '
    function number(json, key,    at) {
        at = index(json, "\"" key "\": ")
        return at ? substr(json, at + length(key) + 4) + 0 : ""
    }
    {
        if (!($1 in seen)) { seen[$1] = 1; order[++n] = $1 }
        key = $1 ~ /^connect/ ? "connections_per_second" : $1 ~ /^rps/ ? "requests_per_second" : "bits_per_second"
        unit[$1] = $1 ~ /^connect/ ? "connections/s" : $1 ~ /^rps/ ? "requests/s" : "bit/s"
        v = number($3, key)
        id = $1 SUBSEP $2
        if (v == "") bad[id] = 1
        else value[id, ++count[id]] = v
        if (number($3, "errors") > 0) errors[id] += number($3, "errors")
    }
    function human(v) {
        if (v >= 1e9) return sprintf("%.2f G", v / 1e9)
        return v >= 1e6 ? sprintf("%.2f M", v / 1e6) : sprintf("%.1f k", v / 1e3)
    }
    function median(id,    i, j, t, m) {
        m = count[id]
        for (i = 2; i <= m; i++)
            for (j = i; j > 1 && value[id, j] < value[id, j - 1]; j--) {
                t = value[id, j]; value[id, j] = value[id, j - 1]; value[id, j - 1] = t
            }
        return value[id, int((m + 1) / 2)]
    }
    END {
        w = split(wires, wire, " ")
        printf "%-24s %-14s", "one core each", "unit"
        for (i = 1; i <= w; i++) printf " %14s", wire[i] == "veth" ? "kernel (veth)" : "spate (" wire[i] ")"
        print ""
        for (k = 1; k <= n; k++) {
            printf "%-24s %-14s", order[k], unit[order[k]]
            for (i = 1; i <= w; i++) {
                id = order[k] SUBSEP wire[i]
                text = count[id] ? human(median(id)) : bad[id] ? "failed" : "-"
                if (errors[id] > 0) text = text " *"
                if (errors[id] > 0 || bad[id]) starred = 1
                printf " %14s", text
            }
            print ""
        }
        if (starred) print "* with errors, or a round failed: run the case by hand to see them"
    }' "$out"

echo
"$spate" eport
"$spate" lookup
[ -z "$skipped" ] || echo "skipped: $skipped"
