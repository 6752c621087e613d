#!/usr/bin/env bash
# Against lwIP, a TCP that is neither ours nor the kernel's: files both ways in both roles, on a clean wire, a bad one, and
# against a reader whose window closes. MIB=N changes the amount.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

LWIP_NC=$BUILD/tests/net/lwip_nc
[ -x "$LWIP_NC" ] || { echo "skipped: built without lwIP (liblwip-dev)"; exit 0; }
MIB=${MIB:-16}
L_IP=10.77.0.2
BAD="loss=1%,reorder=5%,duplicate=1%"
echo "lwip: $MIB MiB each way at once, spate and lwIP 2"
net_start
ip -n "$NS_K" addr flush dev "$K_DEV"
head -c $((MIB << 20)) /dev/urandom >"$WORK/to-lwip"
head -c $((MIB << 20)) /dev/urandom >"$WORK/to-spate"

same() { # same WHAT FILE FILE
    if cmp -s "$2" "$3"; then ok "$1: the same bytes"; else fail "$1: bytes differ or are missing"; fi
}

# Both ways at once. DEV is spate's.
exchange() { # exchange NAME ROLE_OF_SPATE DEV LWIP_NC_OPTIONS...
    local name=$1 role=$2 dev=$3 port=7000 first second
    shift 3
    if [ "$role" = listens ]; then
        (in_s timeout 120 "$SNC" --dev "$dev" --ip "$S_IP/24" --listen "$S_IP" $port <"$WORK/to-lwip" >"$WORK/at-spate" \
            2>"$WORK/$name-snc.log") &
        first=$!
        pids+=("$first")
        wait_for 20 grep -q listening "$WORK/$name-snc.log" || fail "$name: spate does not listen"
        (in_k timeout 120 "$LWIP_NC" "$@" "$K_DEV" "$L_IP" "$S_IP" $port <"$WORK/to-spate" >"$WORK/at-lwip" \
            2>"$WORK/$name-lwip.log") &
    else
        (in_k timeout 120 "$LWIP_NC" --listen "$@" "$K_DEV" "$L_IP" "$S_IP" $port <"$WORK/to-spate" >"$WORK/at-lwip" \
            2>"$WORK/$name-lwip.log") &
        first=$!
        pids+=("$first")
        wait_for 20 grep -q listening "$WORK/$name-lwip.log" || fail "$name: lwIP does not listen"
        (in_s timeout 120 "$SNC" --dev "$dev" --ip "$S_IP/24" "$L_IP" $port <"$WORK/to-lwip" >"$WORK/at-spate" \
            2>"$WORK/$name-snc.log") &
    fi
    second=$!
    pids+=("$second")
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
