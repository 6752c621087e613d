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
