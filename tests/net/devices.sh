#!/usr/bin/env bash
# Every kind of device moves TCP data both ways, and the bytes are compared: one connection with a file each way, then many
# connections to echo servers. The other side is the kernel where the device can reach it, else a second spate. With two
# cores, connections live where spate's own hash puts them, which no device here knows: packets are passed on.
# A device that this machine does not have is skipped with a sentence. MIB=N changes the size of the file; DEVICES="tap
# memif" picks some. DPDK's rings, which do not leave a process, are in tests/unit/core/ring_test.c.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

MIB=${MIB:-16}
HERE=$(cd "$(dirname "$0")" && pwd)
ENOUGH=(--huge no --mbufs 8192 --max-connections 16k)
LIMIT_S=90       # for one program of a test; seconds on an idle machine
TAP_IP=10.79.0.1 # the kernel's end of tap and capture
TAP_S_IP=10.79.0.10
A_IP=10.78.0.1   # two processes: the server ...
B_IP=10.78.0.2   # ... and the client
HUGE_PAGES=192   # of 2 MiB: twice what one process with 8192 buffers needs
huge_added=0
skipped=()

mapfile -t cpus < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
CPU_A=${cpus[0]} CPU_B=${cpus[-1]}

net_at_end=$(declare -f at_end)
eval "net_${net_at_end}"
at_end() {
    [ "$huge_added" -eq 0 ] || huge_give_back
    net_at_end
}

skip() { skipped+=("$1"); echo "  skipped $1: $2"; }

now_s() { echo "${EPOCHREALTIME/,/.}"; }

# The line of a device: what passed each way, how long, over how many queues.
line() { # line NAME QUEUES WHAT BEGUN_S
    printf '  ------  %-26s %s in %s s, %d queue(s)\n' "$1:" "$3" "$(awk "BEGIN { printf \"%.1f\", $(now_s) - $4 }")" "$2"
}

# ---- one connection, a file each way. PREFIX stands before spate's commands, where a test needs it.

PREFIX=()

# spate's side connects to a program on the kernel.
duplex_kernel() { # duplex_kernel NAME NAMESPACE KERNEL_IP SETTINGS...
    local name=$1 ns=$2 ip=$3 peer begun
    shift 3
    start "$NS_K" "$name-peer" "$PEER" listen "$ip" 7000 --send "$WORK/data"
    peer=$pid
    wait_for 20 listens 7000 || fail "$name: the kernel's program does not listen"
    begun=$(now_s)
    check "$name: spate's program exits 0" snc_to "$name-snc" "$ns" "$@" "$ip" 7000
    line "$name" 1 "$MIB MiB each way" "$begun"
    wait_for 20 eval "! kill -0 $peer" || true
    check_eq "$name: sha256 at spate" "$(sum_of "$name-snc")" "$want"
    check_eq "$name: sha256 at the kernel's program" "$(json_get "$WORK/$name-peer.log" sha256)" "$want"
    stop "$peer"
}

listens() { [ -n "$(in_k ss -Hltn "sport = $1")" ]; }

# The file goes in, what comes back is in $WORK/NAME.out.
snc_to() { # snc_to NAME NAMESPACE ARGS...
    local name=$1 ns=$2
    shift 2
    timeout -k 5 "$LIMIT_S" "${PREFIX[@]}" ip netns exec "$ns" "$SNC" "$@" <"$WORK/data" >"$WORK/$name.out" 2>"$WORK/$name.log"
}

sum_of() { sha256sum "$WORK/$1.out" | cut -d ' ' -f 1; }

# Two processes; SERVER and CLIENT hold their settings. Both run in spate's namespace.
duplex_pair() { # duplex_pair NAME
    local name=$1 server begun status=0
    timeout -k 5 "$LIMIT_S" "${PREFIX[@]}" ip netns exec "$NS_S" "$SNC" "${SERVER[@]}" --cores "cpu:$CPU_A" \
        --listen "$A_IP" 7000 <"$WORK/data" >"$WORK/$name-a.out" 2>"$WORK/$name-a.log" &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q listening "$WORK/$name-a.log" || fail "$name: the server does not come up"
    begun=$(now_s)
    check "$name: the client exits 0" snc_to "$name-b" "$NS_S" "${CLIENT[@]}" --cores "cpu:$CPU_B" "$A_IP" 7000
    line "$name" 1 "$MIB MiB each way" "$begun"
    wait "$server" || status=$?
    check_eq "$name: exit code of the server" "$status" 0
    check_eq "$name: sha256 at the server" "$(sum_of "$name-a")" "$want"
    check_eq "$name: sha256 at the client" "$(sum_of "$name-b")" "$want"
}

# ---- many connections to an echo server, what comes back is compared

CONNECTIONS=200 REQUESTS=4000 SIZE=2000

load_echo() { # load_echo NAME QUEUES URL COMMAND...: the command is `spate load` with its settings
    local name=$1 queues=$2 url=$3 begun status=0
    shift 3
    begun=$(now_s)
    timeout -k 5 "$LIMIT_S" "$@" --json --quiet --connections "$CONNECTIONS" --requests "$REQUESTS" \
        --requests-per-connection 10 --size "$SIZE" "$url" >"$WORK/$name.log" 2>&1 || status=$?
    line "$name" "$queues" "$REQUESTS echoes of $SIZE bytes" "$begun"
    check_eq "$name: exit code" "$status" 0
    check_eq "$name: errors" "$(json_get "$WORK/$name.log" errors)" 0
    check_eq "$name: answers, compared" "$(json_get "$WORK/$name.log" responses)" "$REQUESTS"
    check_ge "$name: connections" "$(json_get "$WORK/$name.log" established)" $((REQUESTS / 10))
}

# With several stacks: how many packets spate passed on to the stack that owns the connection.
passed_on() { # passed_on NAME REASON
    python3 - "$WORK/$1.log" "rehome.$2" <<'PY'
import json, sys
report = json.loads(open(sys.argv[1]).read().splitlines()[-1])
print(sum(stack[sys.argv[2]] for stack in report["stacks"]))
PY
}

check_passed_on() { # check_passed_on NAME: the device's queues are not what spate's hash says
    check_ge "$1: packets passed on to their stack" "$(passed_on "$1" NO_RSS)" 50
}

check_at_home() { # check_at_home NAME: they are
    check_eq "$1: packets passed on to their stack" "$(passed_on "$1" NO_RSS) $(passed_on "$1" RSS)" "0 0"
}

echo_kernel() { # echo_kernel NAME QUEUES NAMESPACE KERNEL_IP SETTINGS...
    local name=$1 queues=$2 ns=$3 ip=$4 peer
    shift 4
    start "$NS_K" "$name-peer" "$PEER" echo "$ip" 7
    peer=$pid
    wait_for 20 listens 7 || fail "$name: the kernel's echo server does not listen"
    load_echo "$name" "$queues" "tcp://$ip:7" "${PREFIX[@]}" ip netns exec "$ns" "$SPATE" load "$@" --cores "$queues"
    [ "$queues" -eq 1 ] || check_passed_on "$name"
    stop "$peer"
}

# The other way round: the kernel connects, spate echoes.
serve_kernel() { # serve_kernel NAME QUEUES NAMESPACE SPATE_IP SETTINGS...
    local name=$1 queues=$2 ns=$3 ip=$4 served begun
    shift 4
    start "$ns" "$name-spate" "$SPATE" serve "$@" --cores "$queues"
    served=$pid
    if ! wait_for 20 grep -q serving "$WORK/$name-spate.log"; then
        fail "$name: spate serve does not come up"
        return
    fi
    begun=$(now_s)
    check_logged "$name" "$name: the kernel's program exits 0" timeout -k 5 "$LIMIT_S" ip netns exec "$NS_K" \
        "$PEER" churn "$ip" 7 2000
    line "$name" "$queues" "2000 echoes of 100 bytes" "$begun"
    check_eq "$name: connections whose bytes came back" "$(json_get "$WORK/$name.log" good)" 2000
    check_eq "$name: errors" "$(json_get "$WORK/$name.log" errors)" 0
    stop "$served"
}

echo_pair() { # echo_pair NAME QUEUES
    local name=$1 queues=$2 served
    "${PREFIX[@]}" ip netns exec "$NS_S" "$SPATE" serve "${SERVER[@]}" --cores "$queues" >"$WORK/$name-spate.log" 2>&1 \
        </dev/null &
    served=$!
    pids+=("$served")
    if ! wait_for 20 grep -q serving "$WORK/$name-spate.log"; then
        fail "$name: spate serve does not come up"
        return
    fi
    load_echo "$name" "$queues" "tcp://$A_IP:7" "${PREFIX[@]}" ip netns exec "$NS_S" "$SPATE" load "${CLIENT[@]}" --cores "$queues"
    [ "$queues" -eq 1 ] || check_passed_on "$name"
    stop "$served"
}

# ---- interfaces of the kernel

device_af_packet() {
    local at=("${ON_WIRE[@]}" "${ENOUGH[@]}")
    duplex_kernel af_packet "$NS_S" "$K_IP" "${at[@]}"
    echo_kernel af_packet-load-2 2 "$NS_S" "$K_IP" "${at[@]}"
    serve_kernel af_packet-serve-2 2 "$NS_S" "$S_IP" "${at[@]}"
}

device_af_packet_jumbo() {
    ip -n "$NS_K" link set "$K_DEV" mtu 9000
    ip -n "$NS_S" link set "$DEV" mtu 9000
    duplex_kernel af_packet-mtu-9000 "$NS_S" "$K_IP" "${ON_WIRE[@]}" "${ENOUGH[@]}" --mtu 9000
    ip -n "$NS_S" link set "$DEV" mtu 1500
    ip -n "$NS_K" link set "$K_DEV" mtu 1500
}

kernel_has_af_xdp() { python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null; }

device_af_xdp() {
    local at=(--dev "xdp:$DEV" --ip "$S_IP/24" "${ENOUGH[@]}")
    if ! kernel_has_af_xdp; then
        skip AF_XDP "this kernel makes no AF_XDP sockets"
        return
    fi
    duplex_kernel af_xdp "$NS_S" "$K_IP" "${at[@]}"
    echo_kernel af_xdp-load 1 "$NS_S" "$K_IP" "${at[@]}"
    serve_kernel af_xdp-serve 1 "$NS_S" "$S_IP" "${at[@]}"
}

# A tap device appears when spate starts and goes when it ends; the kernel's programs may bind to its address before.
tap_addressed() { # tap_addressed NAME
    wait_for 20 in_k ip link show "$1" || return 0
    in_k ip address add "$TAP_IP/24" dev "$1"
    in_k ip link set "$1" txqueuelen 10000 up
}

device_tap() {
    local addressing at=(--dev tap:spt0 --ip "$TAP_S_IP/24" "${ENOUGH[@]}")
    if [ ! -c /dev/net/tun ]; then
        skip tap "there is no /dev/net/tun"
        return
    fi
    in_k sysctl -qw net.ipv4.ip_nonlocal_bind=1
    tap_addressed spt0 & addressing=$!
    PREFIX=(prlimit --sigpending=64) # a signal per packet, the PMD's way of its own, would fill that up and end spate
    duplex_kernel tap "$NS_K" "$TAP_IP" "${at[@]}"
    PREFIX=()
    wait "$addressing"
    tap_addressed spt0 & addressing=$!
    echo_kernel tap-load-2 2 "$NS_K" "$TAP_IP" "${at[@]}"
    wait "$addressing"
    tap_addressed spt0 & addressing=$!
    serve_kernel tap-serve-2 2 "$NS_K" "$TAP_S_IP" "${at[@]}"
    wait "$addressing"
}

# ---- captures: pcap_wire.py joins them to the kernel while they are written

device_pcap() {
    local wire shark=(-r "$WORK/pcap.pcap" -d "tcp.port==7000,data" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE)
    if [ ! -c /dev/net/tun ]; then
        skip pcap "there is no /dev/net/tun to join the captures to the kernel"
        return
    fi
    start "$NS_K" pcap-wire "$HERE/pcap_wire.py" spp0 "$TAP_IP/24" "$WORK/pcap-in" "$WORK/pcap-out" "$WORK/pcap.pcap"
    wire=$pid
    wait_for 20 grep -q ready "$WORK/pcap-wire.log" || fail "pcap: the wire does not come up"
    duplex_kernel pcap "$NS_K" "$TAP_IP" --dev "pcap:$WORK/pcap-in,$WORK/pcap-out" --ip "$TAP_S_IP/24" "${ENOUGH[@]}"
    wait_for 20 eval "! kill -0 $wire" || fail "pcap: the wire did not see the end of the capture"
    stop "$wire"
    check_eq "pcap: frames that the wire lost" "$(json_get "$WORK/pcap-wire.log" dropped)" 0
    count() { tshark -n "${shark[@]}" -Y "$1" -T fields -e frame.number 2>>"$WORK/tshark.log" | wc -l; }
    check_eq "pcap: SYNs and FINs in the capture that spate wrote" \
        "$(count 'tcp.flags.syn == 1') $(count 'tcp.flags.fin == 1')" "1 1"
    check_ge "pcap: segments with data" "$(count 'tcp.len > 0')" $((MIB * 720))
    check_eq "pcap: wrong checksums, malformed packets" \
        "$(count 'ip.checksum.status == "Bad" || tcp.checksum.status == "Bad" || _ws.malformed')" 0
}

# ---- between two processes

pair() { # pair SERVER_DEVICE CLIENT_DEVICE SETTINGS...
    local a=$1 b=$2
    shift 2
    SERVER=(--dev "$a" --ip "$A_IP/24" "$@")
    CLIENT=(--dev "$b" --ip "$B_IP/24" "$@")
}

device_memif() {
    pair "memif:$WORK/memif.sock,role=server" "memif:$WORK/memif.sock" "${ENOUGH[@]}"
    duplex_pair memif
    echo_pair memif-2 2
}

device_vhost() {
    pair "vhost:$WORK/vhost.sock" "virtio:$WORK/vhost.sock" "${ENOUGH[@]}"
    duplex_pair vhost-virtio
    echo_pair vhost-virtio-2 2
    SERVER+=(--mtu 9000) CLIENT+=(--mtu 9000)
    duplex_pair vhost-virtio-mtu-9000
}

huge_take() {
    local all=/proc/sys/vm/nr_hugepages before
    before=$(cat $all)
    echo $((before + HUGE_PAGES)) >$all
    huge_added=$(($(cat $all) - before))
    [ "$huge_added" -eq "$HUGE_PAGES" ]
}

huge_give_back() {
    echo $(($(cat /proc/sys/vm/nr_hugepages) - huge_added)) >/proc/sys/vm/nr_hugepages
    huge_added=0
}

# The pages are mounted where only these two processes see them.
device_vhost_huge() {
    if [ "$(awk '/^Hugepagesize/ { print $2 }' /proc/meminfo)" != 2048 ] || ! huge_take; then
        skip "vhost-virtio with huge pages" "$HUGE_PAGES huge pages of 2 MiB are not to be had"
        return
    fi
    mkdir -p "$WORK/huge"
    # shellcheck disable=SC2016 # expanded by the shell inside
    PREFIX=(unshare -m bash -c 'mount -t hugetlbfs none "$0" && exec "$@"' "$WORK/huge")
    pair "vhost:$WORK/vhost.sock" "virtio:$WORK/vhost.sock" --huge yes --mbufs 8192 --max-connections 16k
    duplex_pair vhost-virtio-huge
    PREFIX=()
    huge_give_back
}

# ---- in one process

device_sim() {
    local sim=("$SPATE" load "${ENOUGH[@]}")
    load_echo sim 1 tcp://10.0.0.1:7 "${sim[@]}" --dev sim
    load_echo sim-2 2 tcp://10.0.0.1:7 "${sim[@]}" --dev sim --cores 2
    check_at_home sim-2
    load_echo sim-2-cores-1-queue 1 tcp://10.0.0.1:7 "${sim[@]}" --dev sim,queues=1 --cores 2
    check_passed_on sim-2-cores-1-queue
}

all=(af_packet af_packet_jumbo af_xdp tap pcap memif vhost vhost_huge sim)
read -ra chosen <<<"${DEVICES:-${all[*]}}"
echo "devices: $MIB MiB each way on one connection, $REQUESTS echoes on $((REQUESTS / 10)); CPUs $CPU_A and $CPU_B"
net_start
head -c $((MIB << 20)) /dev/urandom >"$WORK/data"
want=$(sha256sum "$WORK/data" | cut -d ' ' -f 1)
for device in "${chosen[@]}"; do "device_$device"; done
[ ${#skipped[@]} -eq 0 ] || echo "skipped: ${skipped[*]}"
