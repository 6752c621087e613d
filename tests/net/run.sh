#!/usr/bin/env bash
# Runs the tests against the kernel: run.sh BUILD [NAME...] (default: all). Needs root. The last line is the total.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${1:?usage: run.sh BUILD [NAME...]}")
shift
[ "$(id -u)" = 0 ] || { echo "tests/net: needs root (network namespaces, AF_PACKET)" >&2; exit 2; }
[ $# -gt 0 ] || set -- load_nginx serve_curl_wrk transfer capture bad_input kernel_peers hostile devices nic \
    offload_vhost pvp vlan fragments ip6 lwip options multicast routes cc pmtu \
    connect_rows preload preload_programs preload_python run_idle run_dns run_raw

total_ok=0 total_failed=0 total_skipped=0 broken=() peers=()
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for name in "$@"; do
    begun=$SECONDS
    BUILD=$build timeout -k 20 "${NET_TIMEOUT:-900}" "$here/${name%.sh}.sh" 2>&1 | tee "$out" || true
    if [[ $(tail -n 1 "$out") =~ ^([0-9]+)\ ok,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
        ok=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
        total_skipped=$((total_skipped + ${BASH_REMATCH[4]:-0}))
    else
        echo "$name ended without a verdict"
        ok=0 failed=1
    fi
    mapfile -t -O ${#peers[@]} peers < <(sed -n 's/^  peer    //p' "$out")
    [ "$failed" -eq 0 ] || broken+=("$name")
    total_ok=$((total_ok + ok)) total_failed=$((total_failed + failed))
    echo "$name took $((SECONDS - begun)) s"
    echo
done

[ ${#broken[@]} -eq 0 ] || echo "failed: ${broken[*]}"
[ ${#peers[@]} -eq 0 ] || echo "peers: $(printf '%s\n' "${peers[@]}" | sort -u | paste -sd , | sed 's/,/, /g')"
echo "$total_ok ok, $total_failed failed$([ $total_skipped -eq 0 ] || echo ", $total_skipped skipped")"
[ "$total_failed" -eq 0 ]
