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
wait_for 20 grep -q listening "$WORK/echo.log" || fail "the kernel's echo does not listen"
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

# What spate cannot see, or not without --raw, is said before the program runs; of others nothing is.
said() { run "$@" 2>&1 | grep '^spate run: ' || true; }
check_eq "a dynamically linked program: nothing is said" "$(said -- "$RAWCALLS" --cost)" ""
check_grep "a static one: it is said" "rawcalls-static is statically linked" <(said --raw -- "$RAWCALLS-static" --cost)
printf '#! %s-static --cost\n' "$RAWCALLS" >"$WORK/script"
chmod +x "$WORK/script"
check_grep "a script for a static one: it is said" "script is statically linked" <(said -- "$WORK/script")
check_grep "found by PATH: it is said" ": rawcalls-static is statically linked" \
    <(PATH=$(dirname "$RAWCALLS"):$PATH said -- rawcalls-static --cost)
check_grep "a Go program: --raw is asked for" "rawcalls-go is a Go program.*without --raw" <(said -- "$RAWCALLS-go" --cost)
check_eq "a Go program with --raw: nothing is said" "$(said --raw -- "$RAWCALLS-go" --cost)" ""

check_eq "without --raw such calls are the kernel's" "$(run -- "$RAWCALLS" "$K_IP" 7 | head -n 1)" "FAILED plain: fd >= 0"
run --raw -- "$RAWCALLS" "$K_IP" 7 >"$WORK/rawcalls.log" 2>&1 || true
cases raw "$WORK/rawcalls.log" 11
run --raw -- "$RAWCALLS-go" "$K_IP" 7 >"$WORK/rawcalls-go.log" 2>&1 || true
cases "raw, with the handler on the alternate stack" "$WORK/rawcalls-go.log" 11
if command -v go >/dev/null; then
    CGO_ENABLED=1 GO111MODULE=off GOCACHE=$WORK/go go build -o "$WORK/echoes" "$TESTS_DIR/net/programs/echoes.go"
    check_eq "Go with cgo" "$(run --raw -- "$WORK/echoes" "$K_IP:7" | tail -n 1)" "200 of 200"
else
    skip "Go with cgo: there is no go"
fi
run --raw -- python3 "$TESTS_DIR/net/preload_program.py" "$K_IP" 7 >"$WORK/program.log" 2>&1 || true
cases Python "$WORK/program.log" "$(grep -c '^@case' "$TESTS_DIR/net/preload_program.py")"
for how in "" --raw; do
    # shellcheck disable=SC2086 # no word, or one
    echo "  getpid() ${how:-without --raw}: $(run $how -- "$RAWCALLS" --cost)"
done
check_beneath
