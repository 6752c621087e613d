#!/usr/bin/env bash
# Fuzzes each target for some time: run.sh BUILD [TARGET...]. From the environment: FUZZ_SECONDS (60) each, FUZZ_JOBS (2) at one time,
# FUZZ_CORPUS: a folder that keeps what was found interesting. Inputs that fail are left in BUILD/crashes. The last line is the verdict.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(sequence frames wire text)
seconds=${FUZZ_SECONDS:-60} jobs=${FUZZ_JOBS:-2}
crashes=$build/crashes
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
mkdir -p "$crashes"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_leaks=0

# Without -entropic: that schedule spends nine tenths of the time on counting features of inputs that have as many as these.
fuzz() { # fuzz TARGET
    local corpus=${FUZZ_CORPUS:-$logs}/$1
    mkdir -p "$corpus"
    "$build/tests/fuzz/fuzz-$1" -seed=1 -entropic=0 -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="$crashes/$1-" "$corpus" tests/fuzz/corpus/"$1" >"$logs/$1.log" 2>&1
}

ok=0 failed=0 executions=0
running=()
for t in "${targets[@]}"; do
    fuzz "$t" &
    running+=("$t:$!")
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
done
for r in "${running[@]}"; do
    t=${r%%:*}
    status=0
    wait "${r##*:}" || status=$?
    n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$t.log")
    printf '%-10s %12s executions in %s s\n' "$t" "${n:-?}" "$seconds"
    executions=$((executions + ${n:-0}))
    if [ $status = 0 ] && [ "${n:-0}" -gt 0 ]; then
        ok=$((ok + 1))
    else
        failed=$((failed + 1))
        tail -n 60 "$logs/$t.log"
        echo "fuzz-$t failed; again with: $build/tests/fuzz/fuzz-$t $crashes/$t-..."
    fi
done
echo "$executions fuzz executions"
echo "$ok ok, $failed failed"
