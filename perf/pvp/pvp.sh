#!/usr/bin/env bash
# pvp.sh: spate through testpmd over virtio-user and vhost: a client and a server with testpmd's io forwarding between them
# (connections/s, requests/s, Gbit/s), and a client alone with testpmd as a reflector of UDP datagrams (5tswap). testpmd's
# own counters stand beside. No kernel, no huge pages, no NIC.
#
#   spate client -- virtio-user == vhost, testpmd, vhost == virtio-user -- spate server
#
# Usage: perf/pvp/pvp.sh [BUILD] [SECONDS] [CLIENT_CPU,TESTPMD_CPU,SERVER_CPU]     (build, 2, chosen)
# The last line is one JSON object. Exit code 0: no errors. Needs dpdk-testpmd (Debian: dpdk-dev).
set -euo pipefail
# shellcheck source=perf/pvp/testpmd.sh
source "$(dirname "$0")/testpmd.sh"

build=${1:-build}
seconds=${2:-2}
spate=$build/apps/spate
reflect=$build/perf/pvp-reflect
client_ip=10.98.0.2
server_ip=10.98.0.1
settings=(--huge no --mbufs 16384 --max-connections 64k --log-level error)

testpmd_here || { echo "pvp.sh: dpdk-testpmd is not there (Debian: apt-get install dpdk-dev)" >&2; exit 2; }
for program in "$spate" "$reflect"; do
    [ -x "$program" ] || { echo "pvp.sh: $program is not there: build it first" >&2; exit 2; }
done

WORK=$(mktemp -d "${TMPDIR:-/tmp}/spate-pvp.XXXXXX")
pids=()
errors=0
results=()

# ---- the end, whatever happens

stop() { # stop PID...: asks, then insists
    local pid i
    for pid in "$@"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "$@"; do
        for ((i = 0; i < 50; i++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}

at_end() {
    trap - EXIT
    trap '' INT TERM
    [ ${#pids[@]} -eq 0 ] || stop "${pids[@]}"
    testpmd_leftovers
    rm -rf "$WORK"
}
trap at_end EXIT
trap 'exit 130' INT TERM

die() {
    echo "pvp.sh: $1" >&2
    tail -n 20 "$WORK"/*.log >&2 || true
    exit 1
}

wait_for() { # wait_for SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

# ---- who runs where

choose_cpus() {
    local all
    mapfile -t all < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
    case ${#all[@]} in
    1) cpu_client=${all[0]} cpu_testpmd=${all[0]} cpu_server=${all[0]} ;;
    2) cpu_client=${all[1]} cpu_testpmd=${all[0]} cpu_server=${all[1]} ;;
    *) cpu_client=${all[1]} cpu_testpmd=${all[0]} cpu_server=${all[2]} ;;
    esac
}

if [ -n "${3:-}" ]; then
    IFS=, read -r cpu_client cpu_testpmd cpu_server <<<"$3"
else
    choose_cpus
fi

# ---- measurements

json() { # json KEY: of the last line of $WORK/client.log
    python3 -c 'import json, sys
print(json.loads(open(sys.argv[1]).read().splitlines()[-1]).get(sys.argv[2], 0))' "$WORK/client.log" "$1"
}

divide() { awk "BEGIN { printf \"$1\", ($2) / ($3) }"; }

row() { # row WHAT VALUE UNIT MPPS
    printf '%-44s %14s %-16s %s\n' "$1" "$2" "$3" "$4"
}

# spate load through testpmd, from an address of its own: all ports of the one before may be in TIME-WAIT at the server, which
# takes only every second SYN from there: those whose timestamp is beyond the last one (RFC 6191), and a new process has new ones.
load() { # load NAME TITLE UNIT EXPRESSION ARGS...
    local name=$1 title=$2 unit=$3 value=$4 status=0 counts s errs ip=10.98.0.$((2 + ${#results[@]}))
    shift 4
    testpmd_clear || die "testpmd does not answer"
    "$spate" load --dev "virtio:$WORK/0.sock,mac=02:00:00:00:98:02" --ip "$ip/24" --cores "cpu:$cpu_client" \
        "${settings[@]}" --duration "${seconds}s" --json --quiet "$@" >"$WORK/client.log" 2>&1 || status=$?
    [ $status -le 1 ] || die "spate load ended with exit code $status"
    mapfile -t counts < <(testpmd_counts 2)
    s=$(json seconds)
    errs=$(json errors)
    errors=$((errors + errs))
    value=$(divide %.2f "$(json "${value%/*}")" "${value#*/}")
    row "$title" "$value" "$unit" "$(divide %.3f "${counts[0]}" "$s * 1e6") + $(divide %.3f "${counts[1]}" "$s * 1e6") Mpps"
    results+=("\"$name\": {\"value\": $value, \"unit\": \"$unit\", \"errors\": $errs, \"answers\": $(json responses),
        \"testpmd_rx_packets\": [${counts[0]}, ${counts[1]}]}")
}

forwarded() {
    testpmd_start "$cpu_testpmd" io "net_vhost0,iface=$WORK/0.sock" "net_vhost1,iface=$WORK/1.sock" ||
        die "testpmd does not come up"
    testpmd_order start
    "$spate" serve --dev "virtio:$WORK/1.sock,mac=02:00:00:00:98:01" --ip "$server_ip/24" --cores "cpu:$cpu_server" \
        "${settings[@]}" >"$WORK/server.log" 2>&1 </dev/null &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q serving "$WORK/server.log" || die "spate serve does not come up"
    load connect "connect, 100-byte request and reply, close" "k connections/s" connections_per_second/1e3 \
        --connections 256 --no-keepalive "http://$server_ip/"
    load requests "request and reply on 64 connections" "k requests/s" requests_per_second/1e3 \
        --connections 64 "http://$server_ip/"
    load stream "1 MB answers on 8 connections" Gbit/s "bytes_in/($seconds * 1.25e8)" --connections 8 "http://$server_ip/1000000"
    stop "$server"
    testpmd_stop
}

reflected() {
    local status=0 counts
    # icmpecho answers ARP, which 5tswap does not.
    testpmd_start "$cpu_testpmd" icmpecho "net_vhost0,iface=$WORK/0.sock" -- --port-topology=loop ||
        die "testpmd does not come up"
    testpmd_order start
    mkfifo "$WORK/go"
    exec 8<>"$WORK/go"
    "$reflect" --dev "virtio:$WORK/0.sock,mac=02:00:00:00:98:02" --ip "$client_ip/24" --cores "cpu:$cpu_client" \
        "${settings[@]}" --duration "$seconds" "$server_ip" 7 <"$WORK/go" >"$WORK/client.log" 2>&1 &
    client=$!
    pids+=("$client")
    wait_for 20 grep -q ready "$WORK/client.log" || die "the client does not come up"
    wait_for 5 arp_answered || die "testpmd does not answer ARP"
    testpmd_order stop
    testpmd_order set fwd 5tswap
    testpmd_order start
    wait_for 5 grep -q '5tswap packet forwarding' "$WORK/testpmd.log" || die "testpmd does not go over to 5tswap"
    testpmd_clear || die "testpmd does not answer"
    echo go >&8
    wait "$client" || status=$?
    [ $status -le 1 ] || die "the client ended with exit code $status"
    mapfile -t counts < <(testpmd_counts 1)
    errors=$((errors + $(json lost) + $(json wrong)))
    row "UDP, 64 bytes, reflected by testpmd (5tswap)" "$(divide %.3f "$(json datagrams_per_second)" 1e6)" \
        "M datagrams/s" "$(divide %.3f "${counts[0]}" "$(json seconds) * 1e6") Mpps in, as many out"
    results+=("\"reflect\": {\"value\": $(divide %.3f "$(json datagrams_per_second)" 1e6), \"unit\": \"M datagrams/s\",
        \"errors\": $(($(json lost) + $(json wrong))), \"answers\": $(json datagrams), \"testpmd_rx_packets\": [${counts[0]}]}")
    testpmd_stop
}

arp_answered() { [ "$(testpmd_counts 1 TX-packets)" -gt 0 ]; }

echo "client on CPU $cpu_client, testpmd on CPU $cpu_testpmd, server on CPU $cpu_server; ${seconds} s each"
if [ "$cpu_client" = "$cpu_server" ]; then echo "client and server share a CPU: they wait for each other"; fi
if [ "$cpu_testpmd" = "$cpu_client" ]; then echo "client and testpmd share a CPU: they wait for each other"; fi
if [ "$cpu_testpmd" = "$cpu_server" ]; then echo "server and testpmd share a CPU: they wait for each other"; fi
row "" "spate" "" "testpmd"
forwarded
reflected
echo "errors: $errors"
joined=$(printf ', %s' "${results[@]}")
echo "{\"cpus\": \"$cpu_client,$cpu_testpmd,$cpu_server\", \"seconds\": $seconds, \"errors\": $errors, ${joined:2}}" | tr -s '\n ' ' '
echo
[ "$errors" -eq 0 ]
