#!/usr/bin/env bash
# spate on NICs that nobody here wrote: QEMU's models in a small virtual machine. run.sh BUILD [MODEL...] (default:
# all). In the guest, `spate load` on 2 and then on 4 cores opens connections to a server on the kernel's sockets
# outside; each sends a request and compares what comes back. Where the model has RSS, every packet must arrive at the
# core that was predicted. Where it has none, every connection completes all the same, and spate says so and counts.
# Needs root (a tap device), QEMU (8 or newer for igb) and what fetch.sh brings; without them it is skipped: the last
# line says why. Emulated without KVM: some ten seconds for a model, and times mean nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
BUILD=$(realpath -m "${1:?usage: run.sh BUILD [MODEL...]}")
shift
[ $# -gt 0 ] || set -- igb virtio-rss virtio e1000e vmxnet3

DIR=$BUILD/vm
QEMU=qemu-system-x86_64
CASES=2,4           # cores; the device is opened and closed for each
CONNECTIONS=1000
REQUEST_BYTES=8000  # of init
GUEST_IP=10.78.0.10
SERVER_IP=10.78.0.1
BOOT_SECONDS=180    # a machine that is busy with other tests takes half a minute
MEMORY_MB=512
HUGE_PAGES=140      # of 2 MB: what spate computes for 4 cores

# ---- can it run here?

skip_all() { echo "skipped: $*"; exit 0; }

[ "$(id -u)" = 0 ] || skip_all "needs root (a tap device in a network namespace)"
[ "$(uname -m)" = x86_64 ] || skip_all "the virtual machine is an x86-64 one, and runs the libraries of this machine"
command -v $QEMU >/dev/null || skip_all "no $QEMU (make deps-test installs it from Debian's backports)"
why=$("$here/fetch.sh" "$DIR" 2>&1) || skip_all "$(tail -n 1 <<<"$why")"

# shellcheck source=tests/lib.sh
source "$here/../lib.sh"
NS=spate-vm-$$
at_end() { ip netns del "$NS" 2>/dev/null || true; }

ip netns add "$NS"
if ! ip netns exec "$NS" ip tuntap add dev probe0 mode tap >"$WORK/tap.log" 2>&1; then
    trap - EXIT
    at_end
    rm -rf "$WORK"
    skip_all "no tap device can be made here (/dev/net/tun)"
fi
ip -n "$NS" link del probe0
ip netns exec "$NS" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
    net.ipv4.tcp_max_syn_backlog=4096 net.core.somaxconn=4096
ip -n "$NS" link set lo up

# ---- the guest

# A build of its own: the emulated CPU has not all that this one has.
guest_build() {
    [ -f "$DIR/guest/build.ninja" ] ||
        meson setup "$DIR/guest" "$here/../.." --buildtype=debugoptimized -Dcpu= -Dtests=false || return 1
    ninja -C "$DIR/guest" -j "${JOBS:-$(nproc)}" apps/spate &&
        "$here/image.sh" "$DIR" "$here/init" "$DIR/guest/apps/spate"
}

# The device of a model and how many queues its tap has. Two queues of a device on one queue of a tap are refused.
model_device() {
    tap_queues=1
    case $1 in
    igb | e1000e | vmxnet3) device=$1 ;;
    virtio-rss) tap_queues=4 device=virtio-net-pci,mq=on,rss=on,vectors=10,disable-legacy=on ;;
    virtio) tap_queues=4 device=virtio-net-pci,mq=on,vectors=10,disable-legacy=on ;;
    *) echo "tests/vm: no model '$1' (igb, virtio-rss, virtio, e1000e, vmxnet3)" >&2; exit 2 ;;
    esac
}

tap_up() {
    local more=()
    [ "$tap_queues" -eq 1 ] || more=(multi_queue)
    ip -n "$NS" tuntap add dev vm0 mode tap "${more[@]}"
    ip -n "$NS" addr add "$SERVER_IP/24" dev vm0
    ip -n "$NS" link set vm0 up
}

in_ns() { # in_ns NAME COMMAND...: in the background, with its output in $WORK/NAME.log; its pid is in $pid
    local name=$1
    shift
    ip netns exec "$NS" "$@" >"$WORK/$name.log" 2>&1 </dev/null &
    pid=$!
    pids+=("$pid")
}

server_start() {
    local ports=() cores
    for cores in ${CASES//,/ }; do ports+=($((7000 + cores))); done
    in_ns "server-$1" python3 "$here/echo.py" "$SERVER_IP" "${ports[@]}"
    server_pid=$pid
    wait_for 20 grep -q ready "$WORK/server-$1.log"
}

# Runs the machine until it switches itself off. What it wrote on its serial line is in $WORK/MODEL.serial.
boot() {
    local queues='' status=0
    [ "$tap_queues" -eq 1 ] || queues=,queues=$tap_queues
    in_ns "qemu-$1" timeout -k 5 "$BOOT_SECONDS" $QEMU -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m $MEMORY_MB \
        -display none -nodefaults -no-reboot -serial "file:$WORK/$1.serial" \
        -kernel "$DIR/debian/vmlinuz" -initrd "$DIR/initramfs" \
        -append "console=ttyS0 quiet panic=-1 hugepages=$HUGE_PAGES spate_cases=$CASES spate_connections=$CONNECTIONS \
spate_bytes=$REQUEST_BYTES spate_ip=$GUEST_IP/24 spate_server=$SERVER_IP" \
        -netdev "tap,id=net,ifname=vm0,script=no,downscript=no,vhost=off$queues" -device "$device,netdev=net"
    wait "$pid" || status=$?
    if [ $status -ne 0 ] || ! grep -q '^@done' "$WORK/$1.serial"; then
        fail "$1: the machine did not get to its end (exit code $status); its serial line:"
        tail -n 40 "$WORK/$1.serial" | cut -c 1-400
    fi
}

# ---- what was seen

# The verdict is made of lines WHAT<tab>GOT<tab>eq|ge<tab>WANTED; others are for people.
judge() { # judge MODEL CORES
    local what got how wanted
    while IFS=$'\t' read -r what got how wanted; do
        case $how in
        eq) check_eq "$1 $2 cores: $what" "$got" "$wanted" ;;
        ge) check_ge "$1 $2 cores: $what" "$got" "$wanted" ;;
        *) echo "  $what" ;;
        esac
    done < <(python3 "$here/judge.py" "$1" "$2" $CONNECTIONS $REQUEST_BYTES "$WORK/$1.serial" "$WORK/server-$1.log")
}

model() {
    local begun=$SECONDS cores
    model_device "$1"
    echo "$1"
    if ! grep -q "^name \"${device%%,*}\"" <<<"$($QEMU -device help 2>&1)"; then
        skip "$1: this QEMU has no ${device%%,*} (igb came with 8.0)"
        return
    fi
    tap_up
    server_start "$1"
    boot "$1"
    stop "$server_pid"
    ip -n "$NS" link del vm0
    for cores in ${CASES//,/ }; do judge "$1" "$cores"; done
    echo "  $1 took $((SECONDS - begun)) s"
}

guest_build >"$WORK/build.log" 2>&1 || { fail "the guest's spate does not build"; exit 1; }
rm "$WORK/build.log"
for name in "$@"; do model "$name"; done
