#!/usr/bin/env bash
# `spate run --raw`: system calls that a program makes without libc's names, by instructions of its own and in libc: from its threads,
# those of clone() among them, handlers and children. Then programs as they are, and what a call costs.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "run_raw: system calls without names"
[ "$(uname -m)" = x86_64 ] || { skip "only x86-64's kernel hands system calls back"; exit; }
RAWCALLS=${RAWCALLS:-$BUILD/tests/net/rawcalls}
net_start

start "$NS_K" echo python3 "$TESTS_DIR/net/preload_peer.py" "$K_IP" 7
wait_for 10 grep -q listening "$WORK/echo.log" || fail "the kernel's echo does not listen"
run() { in_s timeout 120 "$SPATE" run "${ON_WIRE[@]}" "$@"; }

cases() { # cases NAME LOG LEAST
    local verdict what
    while read -r verdict what; do
        case $verdict in
        ok) ok "$1: ${what//_/ }" ;;
        *) fail "$1: $what" ;;
        esac
    done <"$2"
    check_ge "$1: cases" "$(grep -c '^ok' "$2")" "$3"
}

check_eq "without --raw such calls are the kernel's" "$(run -- "$RAWCALLS" "$K_IP" 7 | head -n 1)" "FAILED plain: fd >= 0"
run --raw -- "$RAWCALLS" "$K_IP" 7 >"$WORK/rawcalls.log" 2>&1 || true
cases raw "$WORK/rawcalls.log" 11
run --raw -- python3 "$TESTS_DIR/net/preload_program.py" "$K_IP" 7 >"$WORK/program.log" 2>&1 || true
cases Python "$WORK/program.log" "$(grep -c '^@case' "$TESTS_DIR/net/preload_program.py")"
for how in "" --raw; do
    # shellcheck disable=SC2086 # no word, or one
    echo "  getpid() ${how:-without --raw}: $(run $how -- "$RAWCALLS" --cost)"
done
check_beneath
