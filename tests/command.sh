#!/usr/bin/env bash
# The command on the simulated link, as any user runs it: every mode of `spate load`, good wires and bad ones, the
# report, Ctrl-C. No root, no huge pages, no NIC.
# shellcheck source=tests/lib.sh
source "$(dirname "$0")/lib.sh"

echo "command: spate load on sim"

load() { # load NAME ARGS...: exit code 0 and no errors; the report is in NAME.log
    local name=$1
    shift
    check_logged "$name" "$name: exit code 0" timeout 120 "$SPATE" load --json --quiet --dev "$@"
    check_eq "$name: errors" "$(json_get "$WORK/$name.log" errors)" 0
}

value() { json_get "$WORK/$1.log" "$2" | cut -d . -f 1; } # whole part
URL=http://10.0.0.1/

load closed sim --connections 100 --requests 20000 $URL
check_eq "closed: answers" "$(value closed responses)" 20000
check_eq "closed: connections" "$(value closed established)" 100
check_eq "closed: samples of latency" "$(value closed request_us/samples)" 20000
check_ge "closed: bytes that came" "$(value closed bytes_in)" 2000000

load short sim --connections 100 --requests 20000 --no-keepalive $URL
check_eq "short: connections" "$(value short established)" 20000

load ten sim --connections 100 --requests 20000 --requests-per-connection 10 $URL
check_ge "ten requests per connection: connections" "$(value ten established)" 2000
check_le "ten requests per connection: connections" "$(value ten established)" 2100

load rate sim --rate 5000 --duration 2s $URL
check_ge "5000 requests/s for 2 s: answers" "$(value rate responses)" 9000
check_le "5000 requests/s for 2 s: answers" "$(value rate responses)" 10100

load conn-rate sim --conn-rate 5000 --duration 2s $URL
check_ge "5000 connections/s for 2 s: connections" "$(value conn-rate established)" 9000
check_le "5000 connections/s for 2 s: connections" "$(value conn-rate established)" 10100

load hold sim --hold --connections 100000 --duration 2s --rate 2000 $URL
check_eq "hold: connections at the same time" "$(value hold held)" 100000
check_ge "hold: answers on a sample" "$(value hold responses)" 3000
check_le "hold: bytes per connection, all in" "$(value hold bytes_per_connection)" 1000

# A counter of every stack, one per line.
of_stacks() { # of_stacks NAME COUNTER
    json_get "$WORK/$1.log" stacks | python3 -c 'import ast, sys
for stack in ast.literal_eval(sys.stdin.read()):
    print(int(stack[sys.argv[1]]))' "$2"
}

load cores sim --cores 2 --connections 100 --requests 20000 $URL
check_eq "2 cores: answers" "$(value cores responses)" 20000
check_eq "2 cores: connections of each" "$(of_stacks cores tcp.active_opens | tr '\n' ' ')" "50 50 "
check_eq "2 cores: packets at the wrong one" "$(of_stacks cores rehome.RSS | tr '\n' ' ')" "0 0 "
check_ge "2 cores: packets of the one with fewer" "$(of_stacks cores rx.packets | sort -n | head -n 1)" 5000

load cores-hold sim --cores 2 --hold --connections 20000 --duration 1s $URL
check_eq "2 cores, hold: connections at the same time" "$(value cores-hold held)" 20000

load few sim --cores 3 --connections 2 --requests 20 $URL
check_eq "more cores than connections: answers" "$(value few responses)" 20
load fewer sim --cores 2 --connections 8 --requests 1 $URL
check_eq "more cores than requests: answers" "$(value fewer responses)" 1

check_logged lines "2 cores: report for people" \
    timeout 120 "$SPATE" load --dev sim --cores 2 --requests 1000 --quiet $URL
check_grep "2 cores: a line for each stack" "^stack 1 .* packets in, .* 32 connections; 0 re-homed" "$WORK/lines.log"

load tcp sim --size 20000 --connections 20 --requests 2000 tcp://10.0.0.1:7
check_eq "tcp: bytes that came back" "$(value tcp bytes_in)" 40000000

load udp sim --size 1400 --connections 10 --requests 5000 udp://10.0.0.1:7
check_eq "udp: datagrams that came back" "$(value udp responses)" 5000

load jumbo sim --mtu 9000 --size 8000 --connections 10 --requests 2000 udp://10.0.0.1:7
check_eq "jumbo frames: datagrams that came back" "$(value jumbo responses)" 2000

load fragments sim --size 20000 --connections 10 --requests 1000 udp://10.0.0.1:7
check_eq "fragments: bytes that came back" "$(value fragments bytes_in)" 20000000

load vlan sim --cores 2 --mtu 9000 --vlan 100 --connections 4 --requests 20 --body-size 5M $URL
check_ge "jumbo frames in a VLAN, two cores: bytes that came" "$(value vlan bytes_in)" 104857600

load large sim --connections 4 --requests 40 --body-size 5M $URL
check_ge "large: bytes that came" "$(value large bytes_in)" 209715200

load gro sim --gro yes --connections 4 --requests 40 --body-size 5M $URL
check_ge "large, joined: bytes that came" "$(value gro bytes_in)" 209715200

load tso sim,offload=tso --connections 4 --requests 40 --body-size 5M $URL
check_ge "large, cut by the NIC: bytes that came" "$(value tso bytes_in)" 209715200

# NICs that do not spread packets over the cores, or otherwise than they say: slower, and nothing is lost.
for rss in none other queue; do
    load "rss-$rss" "sim,rss=$rss" --cores 2 --connections 100 --requests 5000 --no-keepalive $URL
    check_eq "a NIC with rss=$rss: connections" "$(value rss-$rss established)" 5000
    if [ $rss != none ]; then
        check_grep "a NIC with rss=$rss: it is said" "belongs to another: such packets are passed on in software" "$WORK/rss-$rss.log"
        check_le "a NIC with rss=$rss: once a core" "$(grep -c "such packets are passed on" "$WORK/rss-$rss.log")" 4
    fi
done

load bad sim,loss=1%,reorder=5%,duplicate=1%,delay=200us --connections 50 --requests 5000 $URL
check_eq "bad wire: answers" "$(value bad responses)" 5000
check_ge "bad wire: slowest answer in us, as a packet was lost and sent again" "$(value bad request_us/max)" 10000

"$SPATE" load --dev sim --duration 60s $URL >"$WORK/ctrl-c.log" 2>&1 &
pid=$!
pids+=("$pid")
check "Ctrl-C: progress is shown first" wait_for 20 grep -q 'req/s' "$WORK/ctrl-c.log"
kill -INT "$pid"
wait "$pid" && status=0 || status=$?
check_eq "Ctrl-C: exit code" "$status" 0
check_grep "Ctrl-C: the report" "^errors +0" "$WORK/ctrl-c.log"
check_grep "Ctrl-C: with the distribution of latency" "p99.9 .*max .*samples" "$WORK/ctrl-c.log"

echo "command: spate run on sim"

run() { timeout 60 "$SPATE" run --dev sim --log-level error "$@"; }
status_of() { # status_of COMMAND...: its exit code
    local status=0
    "$@" >"$WORK/status.log" 2>&1 || status=$?
    echo "$status"
}

check_eq "run: the program's exit code" "$(status_of run -- sh -c 'exit 7')" 7
check_eq "run: killed by a signal" "$(status_of run -- sh -c 'kill -KILL $$')" 137
check_eq "run: no such program" "$(status_of run -- /nonexistent/program)" 127
check_eq "run: no program" "$(status_of run)" 2
check_grep "run: no program: it is said" "no program given" "$WORK/status.log"
check_eq "run: a wrong rule" "$(status_of run --rule 'linux any' -- true)" 2
check_grep "run: a wrong rule: it is said" "rule 'linux any'" "$WORK/status.log"
check_eq "run: a wrong way to idle" "$(status_of run --idle never -- true)" 2
check_eq "run: a wrong setting" "$(status_of run --mbuffs 1 -- true)" 2
check_grep "run: a wrong setting: a better one" "did you mean --mbufs" "$WORK/status.log"
check_eq "run: a device that is not there" "$(status_of timeout 60 "$SPATE" run --dev none0 --ip 10.0.0.2/24 -- touch "$WORK/ran")" 2
check "run: then the program is not run" test ! -e "$WORK/ran"

check_eq "run: standard input and output are the program's" "$(echo to and fro | run -- cat)" "to and fro"
check_eq "run: so are other descriptors" "$(run -- sh -c 'cat <&5' 5<<<"five")" "five"
# The library's own lie high up.
low_fds() { find /proc/self/fd -type l | awk -F / '$NF < 100' | wc -l; }
export -f low_fds
check_eq "run: and no more of them" "$(run -- bash -c low_fds)" "$(bash -c low_fds)"
# shellcheck disable=SC2016
folder=$(run -- sh -c 'dirname "$SPATE_SERVICE"')
check "run: its folder is removed" test ! -e "$folder"

cat >"$WORK/client.py" <<'PY'
import http.client, socket, sys
s = socket.create_connection(("10.0.0.1", 7))
sent = bytes(i * 7 % 251 for i in range(300000))
s.setblocking(False)
got, at = b"", 0
import select
while len(got) < len(sent):
    r, w, _ = select.select([s], [s] if at < len(sent) else [], [], 10)
    if w:
        at += s.send(sent[at:])
    if r:
        got += s.recv(65536)
assert got == sent
c = http.client.HTTPConnection("10.0.0.1")
c.request("GET", "/12345")
print(len(c.getresponse().read()), s.getpeername()[0], *sys.argv[1:])
PY
check_eq "run: a program talks over spate" "$(run -- python3 "$WORK/client.py")" "12345 10.0.0.1"
check_eq "run: without sleeping" "$(run --idle poll -- python3 "$WORK/client.py")" "12345 10.0.0.1"
check_eq "run: two stacks" "$(run --cores 2 -- python3 "$WORK/client.py")" "12345 10.0.0.1"
check_eq "run: a program that a shell runs, in the background" \
    "$(run -- sh -c "python3 $WORK/client.py also & wait")" "12345 10.0.0.1 also"

cat >"$WORK/left.py" <<'PY'
import socket, sys, time
s = socket.create_connection(("10.0.0.1", 7))
open(sys.argv[1], "w").close()
time.sleep(1)
s.sendall(b"late")
open(sys.argv[1], "wb").write(s.recv(4))
PY
# shellcheck disable=SC2016
run -- sh -c 'python3 "$0" "$1" & while [ ! -e "$1" ]; do sleep 0.05; done' "$WORK/left.py" "$WORK/left"
check_eq "run: a process that was left behind with a socket is waited for" "$(cat "$WORK/left")" late

cat >"$WORK/handler.py" <<'PY'
import signal, socket, sys
def handler(number, frame):
    print("signal", number, flush=True)
    sys.exit(5)
signal.signal(signal.SIGTERM, handler)
s = socket.create_connection(("10.0.0.1", 7))
print("waiting", flush=True)
s.recv(1)
PY
"$SPATE" run --dev sim --log-level error -- python3 "$WORK/handler.py" >"$WORK/signal.log" 2>&1 &
pid=$!
pids+=("$pid")
check "run: a signal: the program is waiting" wait_for 20 grep -q waiting "$WORK/signal.log"
kill -TERM "$pid"
wait "$pid" && status=0 || status=$?
check_eq "run: a signal: the program has its handler, and ends as it likes" "$status" 5
check_grep "run: a signal: it was that one" "signal 15" "$WORK/signal.log"
