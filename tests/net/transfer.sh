#!/usr/bin/env bash
# A gigabyte each way between spate and a program on the kernel: the same bytes arrive, on a clean wire and a bad one.
# MIB=N changes the amount.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

MIB=${MIB:-1024}
BYTES=$((MIB << 20))
BAD="loss=1%,reorder=5%,duplicate=1%"
echo "transfer: $MIB MiB each way, clean and with $BAD on spate's side"
net_start
head -c "$BYTES" /dev/urandom >"$WORK/data"
want=$(sha256sum "$WORK/data" | cut -d ' ' -f 1)

# To the kernel, with spate connecting.
upload() { # upload NAME DEV SECONDS
    start_peer_listening "$1" "$K_IP" 7000
    local peer=$pid begun=$SECONDS
    check_logged "$1-snc" "$1: spate's program exits 0 within $3 s" timeout "$3" ip netns exec "$NS_S" "$SNC" \
        --dev "$2" --ip "$S_IP/24" "$K_IP" 7000 <"$WORK/data"
    wait_for 20 eval "! kill -0 $peer" || true
    check_eq "$1: bytes at the kernel's program" "$(json_get "$WORK/$1.log" received)" "$BYTES"
    check_eq "$1: sha256 there" "$(json_get "$WORK/$1.log" sha256)" "$want"
    echo "          took $((SECONDS - begun)) s"
    stop "$peer"
}

# From the kernel, with the kernel connecting.
download() { # download NAME DEV SECONDS
    local begun=$SECONDS got
    start_snc_listening "$1" "$3" /dev/null --dev "$2" --ip "$S_IP/24" --listen "$S_IP" 7001
    local snc=$pid
    check_logged "$1" "$1: the kernel's program exits 0 within $3 s" timeout "$3" ip netns exec "$NS_K" \
        "$PEER" connect "$S_IP" 7001 --send "$WORK/data"
    wait "$snc" || true
    check_eq "$1: exit code of spate's program" "$(cat "$WORK/$1.exit")" 0
    check_eq "$1: error of the kernel's program" "$(json_get "$WORK/$1.log" error none)" none
    got=$(cat "$WORK/$1.sum")
    check_eq "$1: sha256 at spate" "$got" "$want"
    echo "          took $((SECONDS - begun)) s"
}

# Both ways at once on one connection, which spate opens; what is sent and what comes back are the same file.
duplex() { # duplex NAME DEV SECONDS
    start_peer_listening "$1" "$K_IP" 7002 --send "$WORK/data"
    local peer=$pid begun=$SECONDS status=0 got
    got=$(timeout "$3" ip netns exec "$NS_S" "$SNC" --dev "$2" --ip "$S_IP/24" "$K_IP" 7002 <"$WORK/data" \
        2>"$WORK/$1-snc.log" | sha256sum | cut -d ' ' -f 1) || status=$?
    wait_for 20 eval "! kill -0 $peer" || true
    check_eq "$1: exit code of spate's program, which had $3 s" "$status" 0
    check_eq "$1: sha256 at spate" "$got" "$want"
    check_eq "$1: error of the kernel's program" "$(json_get "$WORK/$1.log" error none)" none
    check_eq "$1: bytes at the kernel's program" "$(json_get "$WORK/$1.log" received)" "$BYTES"
    check_eq "$1: sha256 there" "$(json_get "$WORK/$1.log" sha256)" "$want"
    echo "          took $((SECONDS - begun)) s"
    stop "$peer"
}

upload clean-to-kernel "$DEV" 120
download clean-from-kernel "$DEV" 120

# That the bad wire was bad shows in the kernel's counters.
late=$(kernel_count TcpExtTCPOFOQueue)
again=$(kernel_count TcpRetransSegs)
duplex bad-both-ways "$DEV+$BAD" 480
check_ge "bad-both-ways: segments that reached the kernel out of order" \
    "$(($(kernel_count TcpExtTCPOFOQueue) - late))" $((MIB * 5))
check_ge "bad-both-ways: segments that the kernel sent again" "$(($(kernel_count TcpRetransSegs) - again))" $((MIB * 5))
peer "Linux $(uname -r)"
