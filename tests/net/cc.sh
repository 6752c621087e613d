#!/usr/bin/env bash
# Congestion control against the kernel's: a sender on spate and one on the kernel, with the same program above, in turn on the
# same impaired path to the same receiver; the bytes per second that were acknowledged, and their ratio. Then both at once on one
# bottleneck: each must get its share.
#
#   namespace $NS_A               $NS_K                       $NS_S
#   spate's sender on sp1 ------- a0, router, k0 ------------ sp0: rate, queue, loss and delay, then spate serve, which drops it
#                                 the kernel's sender
#
# The path is real time: bands are wide, figures are printed. SECONDS_EACH=N changes how long a flow is measured.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

NS_A=spate-a-$$
A_IP=10.78.0.10
FLOW=$BUILD/tests/net/flow
EACH=${SECONDS_EACH:-2.5}
LAST=$(python3 -c "print($EACH + 1)") # the first second is slow start
FRAME=1514

lib_end=$(declare -f at_end)
eval "lib_${lib_end}"
at_end() {
    ip netns del "$NS_A" 2>/dev/null || true
    lib_at_end
}

# Another program that takes a core for some milliseconds would be a longer queue: these go first.
first() { nice -n -15 "$@"; }

# The receiver behind RATE in Mbit/s, a round trip of RTT in ms, a queue of QUEUE percent of their product. The device counts
# packets under way as queued too.
path() { # path NAME RATE RTT QUEUE [OPTION...]
    local name=$1 bdp=$(($2 * $3 * 125 / FRAME)) options
    [ -z "${serve_pid:-}" ] || stop "$serve_pid"
    options="ba.rate=$2M,delay=$(($3 * 500))us,ba.queue=$((bdp / 2 + bdp * $4 / 100 + 1))${5:+,$5}"
    start "$NS_S" "serve-$name" nice -n -15 "$SPATE" serve --dev "$DEV+$options" --ip "$S_IP/24" --gw "$K_IP" --discard 9
    serve_pid=$pid
    if ! wait_for 20 in_k nc -z -w 1 "$S_IP" 9; then
        fail "spate serve did not come up: $name"
        exit 1
    fi
    echo "$name: $2 Mbit/s, round trip $3 ms, queue of $((bdp * $4 / 100 + 1)) packets${5:+, $5}"
}

send_spate() { # send_spate LOG CONGESTION SECONDS
    first ip netns exec "$NS_A" "$FLOW" --dev sp1 --ip "$A_IP/24" --gw 10.78.0.1 "$2" "$3" "$S_IP" 9 >"$WORK/$1.log" 2>&1
}

send_kernel() { # send_kernel LOG CONGESTION SECONDS
    first ip netns exec "$NS_K" "$FLOW-kernel" "$2" "$3" "$S_IP" 9 >"$WORK/$1.log" 2>&1
}

# What of LOG was acknowledged per second, in kbit/s, from SKIP seconds after the last log of all began to the end of the first.
rate() { # rate SKIP LOG [OTHER_LOG]: of LOG
    python3 - "$@" <<'PY'
import sys
skip, logs = float(sys.argv[1]), []
for name in sys.argv[2:]:
    rows = [line.split() for line in open(name)]
    logs.append([(float(r[0]), int(r[1])) for r in rows if len(r) == 2 and r[1].isdigit()])
begin, end = max(l[0][0] for l in logs) + skip, min(l[-1][0] for l in logs) + 0.001
inside = [s for s in logs[0] if begin <= s[0] <= end]
print(int((inside[-1][1] - inside[0][1]) * 8 / (inside[-1][0] - inside[0][0]) / 1000) if len(inside) > 5 else 0)
PY
}

median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

again() { awk '/^sent again/ { print $3 }' "$1"; }

usable() { # usable CONGESTION: the kernel has it; else the test is skipped
    if in_k sysctl -n net.ipv4.tcp_available_congestion_control | grep -qw "$1"; then return 0; fi
    skip "the kernel has no $1"
    return 1
}

# Each alone. spate's rate is in percent of the kernel's; outside the band two more turns are made, and the median counts.
alone() { # alone PATH CONGESTION LEAST MOST KBIT_LEAST
    usable "$2" || return 0
    local kernel spate ratio ratios=() turn a=$WORK/spate-$1-$2.log b=$WORK/kernel-$1-$2.log
    for turn in 1 2 3; do
        send_kernel "kernel-$1-$2" "$2" "$LAST" || fail "$1: the kernel's $2 does not send"
        send_spate "spate-$1-$2" "$2" "$LAST" || fail "$1: spate's $2 does not send"
        kernel=$(rate 1 "$b") spate=$(rate 1 "$a")
        ratio=$((spate * 100 / (kernel + 1)))
        ratios+=("$ratio")
        echo "          $2: kernel $kernel kbit/s ($(again "$b") sent again), spate $spate kbit/s ($(again "$a") sent again)"
        if [ "$turn" = 1 ] && [ "$ratio" -ge "$3" ] && [ "$ratio" -le "$4" ]; then break; fi
    done
    ratio=$(median "${ratios[@]}")
    check_ge "$1: kbit/s of the kernel's $2" "$kernel" "$5"
    check_ge "$1: spate's $2 in percent of the kernel's" "$ratio" "$3"
    check_le "$1: and not more than it may be" "$ratio" "$4"
}

# Both at once: spate's share in percent.
together() { # together PATH CONGESTION SECONDS LEAST MOST KBIT_LEAST
    usable "$2" || return 0
    local kernel spate a=$WORK/spate-both-$2.log b=$WORK/kernel-both-$2.log
    send_spate "spate-both-$2" "$2" "$3" &
    local sender=$!
    pids+=("$sender")
    wait_for 20 grep -q '^[0-9]' "$a" || fail "$1: spate's $2 does not send"
    check "$1: the kernel's $2 sends beside spate's" send_kernel "kernel-both-$2" "$2" "$(($3 - 1))"
    check "$1: spate's $2 sends beside the kernel's" wait "$sender"
    spate=$(rate 2 "$a" "$b")
    kernel=$(rate 2 "$b" "$a")
    echo "          $2 at once: kernel $kernel kbit/s, spate $spate kbit/s"
    check_ge "$1: kbit/s of both" $((spate + kernel)) "$6"
    check_ge "$1: spate's share in percent with $2" "$((spate * 100 / (spate + kernel + 1)))" "$4"
    check_le "$1: and not more than it may be" "$((spate * 100 / (spate + kernel + 1)))" "$5"
}

echo "cc: CUBIC and BBR beside the kernel's"
net_start
ip netns add "$NS_A"
ip netns exec "$NS_A" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add sp1 netns "$NS_A" type veth peer name a0 netns "$NS_K"
ip netns exec "$NS_A" ethtool -K sp1 tx off tso off gso off gro off >/dev/null 2>&1
in_k ethtool -K a0 tx off tso off gso off gro off >/dev/null 2>&1
ip -n "$NS_A" link set sp1 txqueuelen 10000 up
ip -n "$NS_K" link set a0 txqueuelen 10000 up
ip -n "$NS_K" addr add 10.78.0.1/24 dev a0
in_k sysctl -qw net.ipv4.ip_forward=1

path even 20 40 100
alone even cubic 85 118 16000
alone even bbr 85 118 16000
path shallow 20 40 25
alone shallow cubic 75 133 10000
alone shallow bbr 75 133 10000
path deep 20 40 400
alone deep bbr 85 118 16000
path lossy 40 20 100 ba.loss=1%
alone lossy cubic 50 200 3000 # with some ten segments on the way, chance says much
alone lossy bbr 75 133 20000
path shared 10 20 100
together shared cubic 8 25 75 8000
together shared bbr 9 15 85 8000
