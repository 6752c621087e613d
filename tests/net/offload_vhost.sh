#!/usr/bin/env bash
# The same bytes on the wire, whoever computes checksums and cuts segments: spate over virtio-user to a vhost device, from
# where cutter.c (DPDK without spate) completes checksums, cuts large frames and passes all on to the kernel through a veth
# pair, where it is captured. The same run (--seed) three times: all in software; checksums left to the vhost side; frames of
# up to 64 KiB left to be cut (TSO). The streams of segments with data are compared, and every checksum is verified.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"
REQUESTS=20 SIZE=20000 # a request is 13 full segments and a short one: no timer decides where it is cut
SPATE_MAC=02:00:00:00:77:10
cpu=$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
CUTTER=$(dirname "$SPATE")/../tests/net/cutter

shark() { # shark NAME FILTER FIELDS...: a line for every frame that spate sent
    local name=$1 filter=$2 fields=() f
    shift 2
    for f in "$@"; do fields+=(-e "$f"); done
    tshark -n -r "$WORK/$name.pcap" -d "tcp.port==7,data" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
        -Y "ip.src == $S_IP && ($filter)" -T fields "${fields[@]}" 2>>"$WORK/tshark.log"
}

capture_is_whole() { [ -n "$(shark "$1" 'tcp.flags.fin == 1' frame.number)" ]; }

# One run: what spate sent is in $WORK/NAME.pcap as the kernel saw it, its segments with data in $WORK/NAME.txt.
run() { # run NAME OFFLOAD VHOST_TSO
    local name=$1 offload=$2 tso=$3 dump cutter
    start "$NS_S" "$name-cutter" stdbuf -oL "$CUTTER" --lcores "0@$cpu" --no-huge -m 256 --no-pci --no-telemetry --no-shconf \
        --vdev "net_vhost0,iface=$WORK/vhost.sock,tso=$tso,legacy-ol-flags=1" \
        --vdev "net_af_packet0,iface=$DEV,blocksz=65536,framesz=2048,framecnt=2048"
    cutter=$pid
    wait_for 20 grep -q 'cutter: ready' "$WORK/$name-cutter.log" || fail "$name: cutter does not come up"
    in_s timeout 30 "$SPATE" nic "${at[@]}" --offload "$offload" >"$WORK/$name-nic.log" 2>&1 ||
        fail "$name: spate nic ended with exit code $?"
    start "$NS_K" "$name-tcpdump" tcpdump -i "$K_DEV" --immediate-mode -B 8192 -U -Z root \
        -w "$WORK/$name.pcap" tcp
    dump=$pid
    wait_for 20 grep -q 'listening on' "$WORK/$name-tcpdump.log" || fail "$name: tcpdump did not start"
    check_logged "$name" "$name: exit code of spate load" timeout -k 5 60 ip netns exec "$NS_S" "$SPATE" load "${at[@]}" \
        --offload "$offload" --connections 1 --requests $REQUESTS --size $SIZE --json --quiet "tcp://$K_IP:7"
    wait_for 20 capture_is_whole "$name" || fail "$name: the end of the connection is not in the capture"
    kill -INT "$dump"
    wait "$dump" 2>/dev/null || true
    kill -TERM "$cutter"
    wait "$cutter" || fail "$name: cutter ended with exit code $?"
    check_eq "$name: answers, compared" "$(json_get "$WORK/$name.log" responses)" $REQUESTS
    shark "$name" 'tcp.len > 0' tcp.srcport tcp.seq tcp.len tcp.flags tcp.payload | sort -un -k 2,2 >"$WORK/$name.txt"
    check_eq "$name: bytes of data in the segments" "$(awk '{ n += $3 } END { print n }' "$WORK/$name.txt")" $((REQUESTS * SIZE))
    check_eq "$name: longest segment" "$(cut -f 3 "$WORK/$name.txt" | sort -n | tail -n 1)" 1448
    check_eq "$name: SYN, FIN, RST" "$(shark "$name" 'tcp.flags & 7' tcp.flags | sort -u | tr '\n' ' ')" "0x0002 0x0011 "
    check_eq "$name: wrong checksums" "$(shark "$name" \
        'ip.checksum.status != "Good" || tcp.checksum.status != "Good"' frame.number | wc -l)" 0
    cut_frames=$(sed -n 's/^cutter: .* \([0-9]*\) of them cut$/\1/p' "$WORK/$name-cutter.log")
    echo "  ------  $name: $(wc -l <"$WORK/$name.txt") segments with data; $(grep '^cutter: .*cut$' "$WORK/$name-cutter.log")"
    rm -f "$WORK/vhost.sock"
}

used() { # used NAME OFFLOAD: what spate nic says of it
    awk -v what="$2" 'index($0, what) { print (/not used/ ? "not used" : "used") }' "$WORK/$1-nic.log"
}

same() { # same NAME: the segments of that run are those of the software run
    if cmp -s "$WORK/software.txt" "$WORK/$1.txt"; then
        ok "$1: the same segments, byte by byte, as in software: $(wc -l <"$WORK/$1.txt")"
    else
        fail "$1: other segments than in software: $(diff "$WORK/software.txt" "$WORK/$1.txt" | cut -c 1-60 | head -n 4 | tr '\n' ';')"
    fi
}

echo "offload_vhost: checksums and segments by spate, and behind a vhost device"
net_start
# Without SACK: reports of what the kernel, on a busy machine, sent twice (D-SACK) would make segments shorter.
in_k sysctl -qw net.ipv4.tcp_sack=0
at=(--dev "virtio:$WORK/vhost.sock,mac=$SPATE_MAC" --ip "$S_IP/24" --huge no --mbufs 8192 --max-connections 16k --seed 5)
start "$NS_K" echo "$PEER" echo "$K_IP" 7

run software no 0
run checksum auto 0
check_eq "checksum: frames that were cut" "$cut_frames" 0
run tso auto 1
check_ge "tso: frames that were cut" "$cut_frames" 20
check_eq "software: TCP checksum by the device" "$(used software 'send: TCP checksum')" "not used"
check_eq "checksum: TCP checksum by the device" "$(used checksum 'send: TCP checksum')" "used"
check_eq "tso: cutting by the device" "$(used tso 'send: cutting into segments')" "used"
same checksum
same tso
