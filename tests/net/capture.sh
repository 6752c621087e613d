#!/usr/bin/env bash
# What other eyes see: one HTTP connection in each direction over veth, captured on the kernel's end and opened in
# tshark. No wrong checksum, no malformed packet, nothing that tshark warns about, the options that spate means to send,
# and no RST from a kernel that does not know of the connection.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "capture: connections over veth, opened in tshark"
net_start

start_capture() { # start_capture NAME FILTER
    start "$NS_K" "$1-tcpdump" tcpdump -i "$K_DEV" -U -Z root -w "$WORK/$1.pcap" "$2"
    capture_pid=$pid
    wait_for 20 grep -q 'listening on' "$WORK/$1-tcpdump.log" || fail "tcpdump did not start"
}

stop_capture() {
    sleep 1
    kill -INT "$capture_pid"
    wait "$capture_pid" 2>/dev/null || true
}

# tshark with every checksum verified.
shark() { # shark NAME FILTER FIELDS...: lines
    local name=$1 filter=$2 fields=() f
    shift 2
    for f in "$@"; do fields+=(-e "$f"); done
    tshark -n -r "$WORK/$name.pcap" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE \
        -Y "$filter" -T fields "${fields[@]}" 2>>"$WORK/tshark.log"
}

count() { shark "$1" "$2" frame.number | wc -l; }

judge() { # judge NAME
    check_ge "$1: packets" "$(count "$1" tcp)" 8
    check_ge "$1: packets whose checksums tshark verified as good" \
        "$(count "$1" 'ip.checksum.status == "Good" && tcp.checksum.status == "Good"')" "$(count "$1" tcp)"
    check_eq "$1: wrong checksums" \
        "$(count "$1" 'ip.checksum.status == "Bad" || tcp.checksum.status == "Bad" || udp.checksum.status == "Bad"')" 0
    check_eq "$1: malformed packets" "$(count "$1" '_ws.malformed')" 0
    # A machine that held an ACK back for long makes a sender probe: the answer to that is a D-SACK.
    check_le "$1: D-SACKs" "$(count "$1" tcp.options.sack.dsack)" 1
    check_eq "$1: packets that tshark warns about" "$(shark "$1" '_ws.expert.severity >= 6291456 && !tcp.options.sack.dsack' \
        frame.number _ws.expert.message | tr '\n' ';')" ""
    check_eq "$1: RSTs" "$(count "$1" 'tcp.flags.reset == 1')" 0
    check_eq "$1: FINs" "$(shark "$1" 'tcp.flags.fin == 1' ip.src | sort -u | wc -l)" 2
}

options() { # options NAME SOURCE: MSS, window scale, timestamps of its SYN
    shark "$1" "tcp.flags.syn == 1 && ip.src == $2" tcp.options.mss_val tcp.options.wscale.shift \
        tcp.options.timestamp.tsval | awk -F '\t' '{ print $1, ($2 != "" && $2 <= 14 ? "scaled" : "unscaled"),
            ($3 != "" ? "stamped" : "unstamped"), NF }' | sort -u
}

# ---- spate connects

start_nginx 3000
start_capture out "not udp port 5353"
check_logged load "spate load: one connection" timeout 30 ip netns exec "$NS_S" "$SPATE" load "${ON_WIRE[@]}" \
    --connections 1 --requests 3 "http://$K_IP/"
stop_capture
judge out
check_eq "out: SYN options" "$(options out "$S_IP")" "1460 scaled stamped 3"
check_eq "out: every later packet of spate has a timestamp" \
    "$(count out "ip.src == $S_IP && tcp && tcp.flags.reset == 0 && !tcp.options.timestamp.tsval")" 0
check_eq "out: HTTP requests and replies" "$(count out http.request) $(count out 'http.response.code == 200')" "3 3"
check_ge "out: ARP requests of spate that got a reply" \
    "$(count out "arp.opcode == 2 && arp.dst.proto_ipv4 == $S_IP")" 1

# ---- spate listens

start_serve 80 --http 80 --body-size 512
start_capture in "tcp port 80 or arp"
check "curl: three transfers on one connection" in_k curl -s -m 10 -o /dev/null "http://$S_IP/5000" -o /dev/null \
    "http://$S_IP/1" -o /dev/null "http://$S_IP/100000"
stop_capture
judge in
check_eq "in: SYN-ACK options" "$(options in "$S_IP")" "1460 scaled stamped 3"
check_eq "in: HTTP requests and replies" "$(count in http.request) $(count in 'http.response.code == 200')" "3 3"
