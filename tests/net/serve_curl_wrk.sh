#!/usr/bin/env bash
# The kernel's programs against `spate serve` over a veth pair: curl and wrk for HTTP, nc and Python for the small
# services.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "serve_curl_wrk: curl, wrk, nc and Python against spate serve"
net_start
start_serve 80 --http 80 --body-size 512 --echo 7 --discard 9 --chargen 19 --udp-echo 7
URL=http://$S_IP

# ---- curl

body() { # what spate serve sends as a body of that many bytes: lines of the alphabet
    (set +o pipefail; yes abcdefghijklmnopqrstuvwxyz | head -c "$1")
}

sizes=(0 1 2 511 1447 1448 1449 4096 65535 65536 100000 1048575 1048576)
wrong=""
for n in "${sizes[@]}"; do
    code=$(in_k curl -s -m 20 -o "$WORK/body" -w '%{http_code} %{size_download}' "$URL/$n" || true)
    [ "$code" = "200 $n" ] || wrong+=" /$n: '$code'"
    body "$n" | cmp -s - "$WORK/body" || wrong+=" /$n: other bytes"
done
check_eq "curl: ${#sizes[@]} sizes from 0 to 1 MiB, wrong ones" "${wrong:-none}" none
check_eq "curl: the fixed body" "$(in_k curl -s -m 5 -o /dev/null -w '%{http_code} %{size_download}' "$URL/")" "200 512"
check_eq "curl: HEAD has the length and no body" \
    "$(in_k curl -s -m 5 -I "$URL/1000" | tr -d '\r' | awk 'tolower($1) == "content-length:" { print $2 }')" 1000

# shellcheck disable=SC2046
connects=$(in_k curl -s -m 30 -w '%{num_connects}\n' $(for _ in $(seq 100); do echo "-o /dev/null $URL/1000"; done) |
    awk '{ s += $1; n++ } END { print n, s }')
check_eq "curl: 100 requests with keep-alive, transfers and connections" "$connects" "100 1"

# shellcheck disable=SC2046
parallel=$(in_k curl -sS -m 60 --no-progress-meter --parallel --parallel-max 50 -H 'Connection: close' \
    -w '%{http_code} %{size_download}\n' $(for _ in $(seq 200); do echo "-o /dev/null $URL/100000"; done) |
    sort | uniq -c | awk '{ print $1, $2, $3 }')
check_eq "curl: 200 parallel transfers of 100 000 bytes" "$parallel" "200 200 100000"
check_eq "curl: a POST of 1 MiB is answered" \
    "$(head -c 1048576 /dev/zero | in_k curl -s -m 20 -o /dev/null -w '%{http_code}' --data-binary @- "$URL/10")" 200
peer curl

# ---- HTTP that no client should send

bad=$(printf 'NONSENSE\r\n\r\n' | in_k nc -N -w 5 "$S_IP" 80 | head -n 1 | awk '{ print $2 }')
check_eq "a request line that is none is answered with" "$bad" 400

# ---- wrk

wrk() { # wrk NAME CONNECTIONS ARGS...
    local name=$1 connections=$2
    shift 2
    in_k wrk -t 1 -c "$connections" -d 5s "$@" "$URL/" >"$WORK/$name.log" 2>&1 || true
    awk '/requests in/ || /Latency/ { print "          " $0 }' "$WORK/$name.log"
    check_ge "$name: requests" "$(awk '/requests in/ { print $1 }' "$WORK/$name.log")" 1000
    check "$name: no socket errors, only status 200" \
        eval "! grep -E 'Socket errors|Non-2xx' '$WORK/$name.log'"
}
wrk wrk-keepalive 200
wrk wrk-close 100 -H 'Connection: close'
peer wrk

# ---- the small services

head -c 3000000 /dev/urandom >"$WORK/data"
want=$(sha256sum <"$WORK/data")
got=$(in_k timeout 30 nc -N "$S_IP" 7 <"$WORK/data" | sha256sum)
check_eq "nc: 3 MB through echo, with half close" "$got" "$want"

in_k "$PEER" connect "$S_IP" 7 --send "$WORK/data" >"$WORK/echo.log"
check_eq "Python: 3 MB through echo" "$(json_get "$WORK/echo.log" sha256) $(json_get "$WORK/echo.log" error none)" \
    "${want%% *} none"

in_k "$PEER" connect "$S_IP" 9 --send "$WORK/data" >"$WORK/discard.log"
error=$(json_get "$WORK/discard.log" error none)
check_eq "Python: discard takes 3 MB and sends nothing" \
    "$(json_get "$WORK/discard.log" sent) $(json_get "$WORK/discard.log" received) $error" \
    "3000000 0 none"

# RFC 864: lines of 72 printable characters, each line starting one further.
in_k timeout 10 nc "$S_IP" 19 </dev/null 2>/dev/null | head -c 1000000 >"$WORK/chargen" || true
check_eq "nc: chargen, bytes" "$(wc -c <"$WORK/chargen")" 1000000
check_eq "nc: chargen, lines that are not 72 printable characters and CR LF" \
    "$(head -n 13000 "$WORK/chargen" | LC_ALL=C grep -Evc $'^[ -~]{72}\r$' || true)" 0

in_k "$PEER" udp "$S_IP" 7 1000 >"$WORK/udp.log"
check_eq "Python: 1000 datagrams of 4 to 1472 bytes through UDP echo" "$(json_get "$WORK/udp.log" good)" 1000

# ---- many short connections

in_k "$PEER" churn "$S_IP" 7 20000 >"$WORK/churn.log" 2>&1 || true
check_eq "Python: 20 000 short connections to echo, good and failed" \
    "$(json_get "$WORK/churn.log" good) $(json_get "$WORK/churn.log" errors)" "20000 0"
peer nc Python

# ---- the end

kill -INT "$serve_pid"
check "spate serve ends on SIGINT" wait_for 20 eval "! kill -0 $serve_pid"
