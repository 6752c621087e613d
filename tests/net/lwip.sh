#!/usr/bin/env bash
# Against lwIP, a TCP that is neither ours nor the kernel's: files both ways in both roles, on a clean wire, a bad one, and
# against a reader whose window closes. MIB=N changes the amount.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

LWIP_NC=$BUILD/tests/net/lwip_nc
[ -x "$LWIP_NC" ] || { echo "skipped: built without lwIP (liblwip-dev)"; exit 0; }
MIB=${MIB:-16}
L_IP=10.77.0.2
PORT=7000
BAD="loss=1%,reorder=5%,duplicate=1%"
echo "lwip: $MIB MiB each way at once, spate and lwIP 2"
net_start
ip -n "$NS_K" addr flush dev "$K_DEV"
head -c $((MIB << 20)) /dev/urandom >"$WORK/to-lwip"
head -c $((MIB << 20)) /dev/urandom >"$WORK/to-spate"

same() { # same WHAT FILE FILE
    if cmp -s "$2" "$3"; then ok "$1: the same bytes"; else fail "$1: bytes differ or are missing"; fi
}

snc_run() { # snc_run ARGS...
    in_s timeout 120 "$SNC" --dev "$dev" --ip "$S_IP/24" "$@" $PORT <"$WORK/to-lwip" >"$WORK/at-spate" 2>"$WORK/$name-spate.log"
}

lwip_run() { # lwip_run OPTIONS...
    in_k timeout 120 "$LWIP_NC" "$@" "$K_DEV" "$L_IP" "$S_IP" $PORT <"$WORK/to-spate" >"$WORK/at-lwip" 2>"$WORK/$name-lwip.log"
}

begin() { # begin COMMAND...: its pid is in $pid
    "$@" &
    pid=$!
    pids+=("$pid")
}

# Both ways at once. DEV is spate's.
exchange() { # exchange NAME ROLE_OF_SPATE DEV LWIP_NC_OPTIONS...
    local name=$1 role=$2 dev=$3 first listener=lwip
    shift 3
    if [ "$role" = listens ]; then
        listener=spate
        begin snc_run --listen "$S_IP"
    else
        begin lwip_run --listen "$@"
    fi
    first=$pid
    wait_for 20 grep -q listening "$WORK/$name-$listener.log" || fail "$name: $listener does not listen"
    if [ "$role" = listens ]; then begin lwip_run "$@"; else begin snc_run "$L_IP"; fi
    local second=$pid
    local a=0 b=0
    wait "$first" || a=$?
    wait "$second" || b=$?
    check_eq "$name: exit codes" "$a $b" "0 0"
    same "$name, at lwIP" "$WORK/to-lwip" "$WORK/at-lwip"
    same "$name, at spate" "$WORK/to-spate" "$WORK/at-spate"
}

exchange spate-connects connects "$DEV"
exchange spate-listens listens "$DEV"
exchange spate-connects-bad connects "$DEV+$BAD"
exchange spate-listens-bad listens "$DEV+$BAD"
exchange lwip-reads-slowly connects "$DEV" --slow
peer lwIP
