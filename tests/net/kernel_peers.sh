#!/usr/bin/env bash
# Situations that a kernel at the other end brings about: a refused port, a silent address, a reset in the middle, half
# closes in both directions, readers that are too slow, many short connections.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "kernel_peers: refusals, silence, resets, half closes, slow readers"
net_start

load() { # load NAME ARGS...: the report in NAME.log, the exit code in $status
    local name=$1
    shift
    status=0
    timeout 60 ip netns exec "$NS_S" "$SPATE" load "${ON_WIRE[@]}" --json "$@" >"$WORK/$name.log" 2>&1 || status=$?
}

snc() { timeout 60 ip netns exec "$NS_S" "$SNC" "${ON_WIRE[@]}" "$@"; }

listening() { in_k ss -Hltn "sport = $1" | grep -q .; }

# ---- connects that fail

load refused --connections 50 "http://$K_IP:81/"
refused=$(json_get "$WORK/refused.log" errors_by_kind/connect.ECONNREFUSED)
check_ge "refused port: ECONNREFUSED" "$refused" 50
check_eq "refused port: errors of any kind" "$(json_get "$WORK/refused.log" errors)" "$refused"
check_eq "refused port: exit code" "$status" 1

begun=$(date +%s%N)
snc 10.77.0.99 80 </dev/null >/dev/null 2>"$WORK/silent.log" || true
took_ms=$((($(date +%s%N) - begun) / 1000000))
check_grep "silent address: EHOSTUNREACH" "no route to host" "$WORK/silent.log"
check_ge "silent address: milliseconds until then" "$took_ms" 2500
check_le "silent address: milliseconds until then" "$took_ms" 8000

# ---- a reset in the middle

head -c 20000000 /dev/urandom >"$WORK/data"
want=$(sha256sum <"$WORK/data" | cut -d ' ' -f 1)
start "$NS_K" reset "$PEER" listen "$K_IP" 7002 --reset-after 1000000
wait_for 20 listening 7002
status=0
snc "$K_IP" 7002 <"$WORK/data" >/dev/null 2>"$WORK/reset-snc.log" || status=$?
check_eq "reset in the middle: exit code of spate's program" "$status" 1
check_grep "reset in the middle: ECONNRESET" "connection reset by peer|broken pipe" "$WORK/reset-snc.log"

# ---- half closes

start "$NS_K" half-k "$PEER" listen "$K_IP" 7003 --answer-after-eof --send "$WORK/data"
wait_for 20 listening 7003
got=$(snc "$K_IP" 7003 <"$WORK/data" 2>"$WORK/half-snc.log" | sha256sum | cut -d ' ' -f 1)
wait_for 20 eval "! kill -0 $pid" || true
check_eq "half close by spate: 20 MB came back afterwards" "$got" "$want"
check_eq "half close by spate: 20 MB went out before" "$(json_get "$WORK/half-k.log" sha256)" "$want"

start_serve 7 --echo 7 --chargen 19 --http 80 --body-size 512
in_k "$PEER" connect "$S_IP" 7 --send "$WORK/data" >"$WORK/half-serve.log" 2>&1 || true
check_eq "half close by the kernel: the rest of the echo arrives" \
    "$(json_get "$WORK/half-serve.log" sha256) $(json_get "$WORK/half-serve.log" error none)" "$want none"

# ---- slow readers: closed windows, and nothing lost

in_k timeout 60 "$PEER" connect "$S_IP" 7 --send "$WORK/data" --rcvbuf 8192 --read-rate 4000000 \
    >"$WORK/slow-k.log" 2>&1 || true
check_eq "slow reader on the kernel: the echo of 20 MB" \
    "$(json_get "$WORK/slow-k.log" sha256) $(json_get "$WORK/slow-k.log" error none)" "$want none"

in_k timeout 20 "$PEER" connect "$S_IP" 19 --keep-open --rcvbuf 4096 --read-rate 100000 \
    --reset-after 400000 >"$WORK/drip.log" 2>&1 || true
check_ge "dripping reader on the kernel: bytes of chargen" "$(json_get "$WORK/drip.log" received)" 400000
check_eq "spate serve still answers" "$(in_k curl -s -m 5 -o /dev/null -w '%{http_code}' "http://$S_IP/")" 200
stop "$serve_pid"

start "$NS_K" fast "$PEER" listen "$K_IP" 7004 --send "$WORK/data"
wait_for 20 listening 7004
got=$(snc --read-rate 5000000 "$K_IP" 7004 </dev/null 2>"$WORK/slow-snc.log" | sha256sum | cut -d ' ' -f 1)
wait_for 20 eval "! kill -0 $pid" || true
check_eq "slow reader on spate: 20 MB from the kernel" "$got" "$want"
check_eq "slow reader on spate: error of the kernel's program" "$(json_get "$WORK/fast.log" error none)" none
check_ge "slow reader on spate: seconds that it held the kernel up" \
    "$(json_get "$WORK/fast.log" seconds | cut -d . -f 1)" 2
peer "Linux $(uname -r)"
