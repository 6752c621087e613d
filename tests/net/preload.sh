#!/usr/bin/env bash
# Programs that know nothing of spate, under `spate run` on AF_PACKET, against the kernel's at the other end of the wire: curl,
# nc and Python as clients and as servers. Their own namespace has no address, so that nothing passes by way of its kernel.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "preload: curl, nc and Python under spate run, the kernel beyond"
net_start
LIBRARY=${LIBRARY:-$BUILD/lib/preload/libspate-preload.so}
RUN=("$SPATE" run "${ON_WIRE[@]}" --preload "$LIBRARY")

# ---- clients

head -c 3000000 /dev/urandom >"$WORK/random"
start_nginx 100000
cp "$WORK/random" "$WORK/www/random"
check_eq "without spate there is no way out" "$(in_s curl -s -m 3 "http://$K_IP/" || echo "exit code $?")" "exit code 7"
in_s "${RUN[@]}" -- curl -sS -m 20 -o "$WORK/got" "http://$K_IP/random" || fail "curl: exit code $?"
check "curl: 3 MB arrive as they are" cmp -s "$WORK/random" "$WORK/got"
# shellcheck disable=SC2046
check_eq "curl: 40 parallel transfers" "$(in_s "${RUN[@]}" -- curl -sS -m 60 --no-progress-meter --parallel \
    --parallel-max 20 -w '%{http_code} %{size_download}\n' $(for _ in $(seq 40); do echo "-o /dev/null http://$K_IP/"; done) |
    sort | uniq -c | awk '{ print $1, $2, $3 }')" "40 200 100000"
check_eq "curl: a refused port" "$(in_s "${RUN[@]}" -- curl -s -m 5 "http://$K_IP:1/" || echo "exit code $?")" "exit code 7"
kill "$nginx_pid"

start "$NS_K" echo python3 "$TESTS_DIR/net/preload_peer.py" "$K_IP" 7
wait_for 20 grep -q listening "$WORK/echo.log" || fail "the kernel's echo does not listen"
in_s timeout 120 "${RUN[@]}" -- python3 "$TESTS_DIR/net/preload_program.py" "$K_IP" 7 >"$WORK/program.log" 2>&1 || true
while read -r verdict what; do
    case $verdict in
    ok) ok "python: ${what//_/ }" ;;
    *) fail "python: $what" ;;
    esac
done <"$WORK/program.log"
check_eq "python: cases" "$(grep -c '^ok' "$WORK/program.log")" "$(grep -c '^@case' "$TESTS_DIR/net/preload_program.py")"

# ---- other users: a program may give up its privileges, and what it executes then is let in; strangers are not

cp "$LIBRARY" "$WORK/library.so" # where everybody may read it
start_nginx 1000
dropped=("$SPATE" run "${ON_WIRE[@]}" --preload "$WORK/library.so" -- setpriv --reuid 65534 --regid 65534 --clear-groups)
check_eq "a program that is root no more" \
    "$(in_s "${dropped[@]}" sh -c "curl -s -m 10 -o /dev/null -w '%{http_code} ' http://$K_IP/; id -u")" "200 65534"
kill "$nginx_pid"
start "$NS_S" service "${RUN[@]}" -- sleep 30
service_pid=$pid
find_service() { service=$(in_s ss -Hxl | grep -o '/[^ ]*/spate-[^ ]*/service') && [ -n "$service" ]; }
check "the service listens" wait_for 20 find_service
find_service
cat >"$WORK/stranger.py" <<'PY'
import os, socket, sys
os.setresgid(*[int(sys.argv[2])] * 3)
os.setresuid(*[int(sys.argv[2])] * 3)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
try:
    s.send((1).to_bytes(4, "little") + b"\xff\xff\xff\xff")  # SVC_HELLO
    got = len(s.recv(100))
except OSError:
    got = 0
print("an answer of", got, "bytes")
PY
check_eq "another user, not of this program" "$(in_s python3 "$WORK/stranger.py" "$service" 65534)" "an answer of 0 bytes"
check_eq "the same user" "$(in_s python3 "$WORK/stranger.py" "$service" 0)" "an answer of 16 bytes"
stop "$service_pid"

# ---- servers

(in_s timeout 30 "${RUN[@]}" -- nc -N -l -p 5000 <"$WORK/random" >"$WORK/nc.got") &
pids+=($!)
nc_pid=$!
check "nc: listens" wait_for 20 eval "in_k nc -N -w 5 $S_IP 5000 <'$WORK/random' >'$WORK/nc.sent'"
wait "$nc_pid" || true
check "nc: 3 MB in" cmp -s "$WORK/random" "$WORK/nc.got"
check "nc: 3 MB out" cmp -s "$WORK/random" "$WORK/nc.sent"

start "$NS_S" http "${RUN[@]}" -- python3 -m http.server --directory "$WORK/www" 8000
http_pid=$pid
check "http.server: answers" wait_for 20 in_k curl -s -m 2 -o /dev/null "http://$S_IP:8000/random"
in_k curl -s -m 20 -o "$WORK/got2" "http://$S_IP:8000/random" || true
check "http.server: 3 MB arrive as they are" cmp -s "$WORK/random" "$WORK/got2"
kill -TERM "$http_pid"
check "http.server: SIGTERM reaches the program and ends it all" wait_for 20 eval "! kill -0 $http_pid 2>/dev/null"

# ---- a service that is killed: nobody waits for it

cat >"$WORK/waits.py" <<'PY'
import errno, os, select, signal, socket, sys, threading
signal.alarm(30)
PEER = (sys.argv[1], 7)
lock = threading.Lock()
left = []

def connected():
    return socket.create_connection(PEER)

def listener():
    return socket.create_server(("0.0.0.0", 0))

def epoll(s, *more):
    e = select.epoll()
    for one in (s, *more):
        e.register(one, select.EPOLLIN)
    return e.poll()

def poll(s, *more):
    p = select.poll()
    for one in (s, *more):
        p.register(one, select.POLLIN)
    return p.poll()

def run(name, call, *args):
    try:
        call(*args)
        said = "ended"
    except OSError as e:
        said = errno.errorcode[e.errno]
    with lock:
        print(name, said, flush=True)

pipe = os.pipe()[0]
waits = {
    "recv": (lambda s: s.recv(1), connected()), "recv_with_timeout": (lambda s: s.recv(1), connected()),
    "accept": (lambda s: s.accept(), listener()), "epoll": (epoll, connected()), "epoll_with_pipe": (epoll, connected(), pipe),
    "poll": (poll, connected()), "poll_with_pipe": (poll, connected(), pipe),
    "select": (lambda s: select.select([s], [], []), connected()),
}
waits["recv_with_timeout"][1].settimeout(25)
threads = [threading.Thread(target=run, args=(name, *what)) for name, what in waits.items()]
for t in threads:
    t.start()
print("waiting", flush=True)
for t in threads:
    t.join()
run("afterwards", lambda: socket.socket())
PY
start "$NS_S" killed "${RUN[@]}" -- python3 "$WORK/waits.py" "$K_IP"
wait_for 20 grep -q waiting "$WORK/killed.log" || fail "the program does not wait"
sleep 0.5
find_service
kill -KILL "$pid"
{ wait "$pid" || true; } 2>/dev/null
check "a killed service: what waited for it ends" wait_for 20 grep -q afterwards "$WORK/killed.log"
check_eq "a killed service: all say so" "$(sed '1d' "$WORK/killed.log" | awk '$2 == "ENETDOWN"' | wc -l)" 9
rm -rf "${service%/service}"

# ---- IPv6: a program's first call finds its addresses usable

in_k sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 "net.ipv6.conf.$K_DEV.disable_ipv6=0"
ip -n "$NS_K" addr add fd77::1/64 dev "$K_DEV" nodad
bound6='import socket; s = socket.socket(socket.AF_INET6); s.bind(("fd77::10", 0)); print("bound")'
run6=("${RUN[@]}" --ip fd77::10/64 -- python3 -c "$bound6")
check_eq "IPv6: asked for, and usable from the first call on" "$(in_s timeout 20 "${run6[@]}" 2>&1)" bound
start "$NS_S" early "${RUN[@]}" --ip fd77::10/64 -- sleep 60
wait_for 20 find_service || fail "IPv6: no service comes up"
kill -TERM "$pid"
check "IPv6: a signal while they are asked for is the program's" wait_for 3 eval "! kill -0 $pid 2>/dev/null"
ip -n "$NS_K" addr add fd77::10/64 dev "$K_DEV" nodad
in_s timeout 20 "${run6[@]}" >"$WORK/taken.log" 2>&1 || true
check_grep "IPv6: an address that somebody else has is not waited for" "Cannot assign requested address" "$WORK/taken.log"
check "IPv6: and nothing is said of the link" eval "! grep -q 'is the link down' '$WORK/taken.log'"
ip -n "$NS_S" link set "$DEV" down
in_s timeout 20 "${run6[@]}" >"$WORK/down.log" 2>&1 || true
check_grep "IPv6: without a link the wait has an end" "not usable yet: is the link down" "$WORK/down.log"
check_grep "IPv6: and the program runs" "Cannot assign requested address" "$WORK/down.log"
ip -n "$NS_S" link set "$DEV" up
peer curl nc Python
