# shellcheck shell=bash
# lib.sh: what every test script uses: asserts that are counted, a scratch folder, processes that are always ended,
# values from JSON reports. A test sources this file and asserts; the last line it prints is "N ok, N failed[, N skipped]",
# and that is its verdict. KEEP=1 keeps the logs. A test that makes more than files and processes defines at_end() to remove it.
set -euo pipefail

TESTS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=$(realpath -m "${BUILD:-$TESTS_DIR/../build}")
export SPATE=${SPATE:-$BUILD/apps/spate}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/spate-test.XXXXXX")
chmod 755 "$WORK"
oks=0 fails=0 skips=0
pids=()

# ---- asserts

ok() { oks=$((oks + 1)); echo "  ok      $*"; }
fail() { fails=$((fails + 1)); echo "  FAILED  $*"; }
skip() { skips=$((skips + 1)); echo "  skipped $*"; } # what this machine cannot do, and why

check() { # check WHAT COMMAND...: the command succeeds
    local what=$1
    shift
    if "$@"; then ok "$what"; else fail "$what ($*)"; fi
}

# The same with the command's output in $WORK/NAME.log.
check_logged() { # check_logged NAME WHAT COMMAND...
    local log=$WORK/$1.log what=$2
    shift 2
    if "$@" >"$log" 2>&1; then ok "$what"; else fail "$what (exit code $?)"; fi
}

check_eq() { # check_eq WHAT GOT WANT
    if [ "$2" = "$3" ]; then ok "$1: $2"; else fail "$1: got '$2', expected '$3'"; fi
}

check_le() { # check_le WHAT GOT MOST (whole numbers)
    if [[ $2 =~ ^[0-9]+$ ]] && [ "$2" -le "$3" ]; then ok "$1: $2 (at most $3)"; else fail "$1: $2, over $3"; fi
}

check_ge() { # check_ge WHAT GOT LEAST (whole numbers)
    if [[ $2 =~ ^[0-9]+$ ]] && [ "$2" -ge "$3" ]; then ok "$1: $2 (at least $3)"; else fail "$1: $2, under $3"; fi
}

check_grep() { # check_grep WHAT PATTERN FILE
    if grep -Eqi -- "$2" "$3"; then ok "$1"; else fail "$1: no '$2' in: $(tail -n 3 "$3" | tr '\n' ' ')"; fi
}

# What was really talked to, for the summary: a script says it behind the checks of it, and counts only when none failed.
peer() { # peer NAME...
    local name
    [ "$fails" -gt 0 ] || for name in "$@"; do echo "  peer    $name"; done
}

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

at_end() { :; }

finish() {
    local status=$? log
    trap - EXIT
    trap '' INT TERM # a second one must not stop the cleaning
    [ $status -eq 0 ] || fail "the script stopped early (exit code $status)"
    [ ${#pids[@]} -eq 0 ] || stop "${pids[@]}"
    at_end
    if [ "$fails" -gt 0 ]; then
        for log in "$WORK"/*.log; do
            [ -s "$log" ] || continue
            echo "---- end of $(basename "$log")"
            tail -n 15 "$log" | cut -c 1-400
        done
    fi
    if [ "${KEEP:-0}" = 1 ]; then echo "logs kept in $WORK"; else rm -rf "$WORK"; fi
    echo "$oks ok, $fails failed$([ $skips -eq 0 ] || echo ", $skips skipped")"
    [ "$fails" -eq 0 ]
    exit $?
}

trap finish EXIT
trap 'exit 130' INT TERM

# ---- helpers

wait_for() { # wait_for SECONDS COMMAND...: until the command succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# A value of a JSON report: the last line of FILE that is an object. Nested keys with slashes; else DEFAULT.
json_get() { # json_get FILE KEY [DEFAULT]
    python3 - "$@" <<'PY'
import json, sys
value = None
for line in open(sys.argv[1], errors="replace"):
    if line.lstrip().startswith("{"):
        try:
            value = json.loads(line)
        except ValueError:
            pass
for key in sys.argv[2].split("/"):
    value = value.get(key) if isinstance(value, dict) else None
if value is None:
    value = sys.argv[3] if len(sys.argv) > 3 else "absent"
print(int(value) if isinstance(value, float) and value == int(value) else value)
PY
}
