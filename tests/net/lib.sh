# shellcheck shell=bash
# lib.sh: what every test against the kernel uses, on top of tests/lib.sh: two network namespaces joined by a veth pair
# (spate on one end, the kernel on the other), and the servers in them.
#
#   namespace $NS_S            namespace $NS_K
#   spate on sp0  ---- veth ---- k0, the kernel has 10.77.0.1/24
#   (the kernel has no address here)
#
# A test sources this file, calls net_start and asserts.
# shellcheck source=tests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

export SNC=${SNC:-$BUILD/tests/net/snc}
export PEER=$TESTS_DIR/net/peer.py

NS_S=spate-s-$$ NS_K=spate-k-$$
DEV=sp0
K_DEV=k0
K_IP=10.77.0.1
S_IP=10.77.0.10
# What every spate command line of a test has: the wire, and one address on it.
ON_WIRE=(--dev "$DEV" --ip "$S_IP/24")

at_end() {
    ip netns del "$NS_S" 2>/dev/null || true
    ip netns del "$NS_K" 2>/dev/null || true
    dpdk_leftovers
}

# Run-time folders of spate processes that are gone (a killed process cannot remove its own).
dpdk_leftovers() {
    local dir pid
    for dir in /var/run/dpdk/spate-*; do
        pid=${dir##*spate-}
        pid=${pid%%[!0-9]*}
        if [ -d "$dir" ] && [ -n "$pid" ] && ! kill -0 "$pid" 2>/dev/null; then rm -rf "$dir"; fi
    done
}

# ---- the wire

net_start() {
    ip netns add "$NS_S"
    ip netns add "$NS_K"
    local ns
    for ns in "$NS_S" "$NS_K"; do
        ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
            net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
        ip -n "$ns" link set lo up
    done
    ip link add "$DEV" netns "$NS_S" type veth peer name "$K_DEV" netns "$NS_K"
    # AF_PACKET sees what the kernel hands to the wire: whole packets with finished checksums only without offloads.
    ip netns exec "$NS_S" ethtool -K "$DEV" tx off tso off gso off gro off >/dev/null 2>&1
    ip netns exec "$NS_K" ethtool -K "$K_DEV" tx off tso off gso off gro off >/dev/null 2>&1
    ip -n "$NS_K" addr add "$K_IP/24" dev "$K_DEV"
    ip -n "$NS_K" link set "$K_DEV" txqueuelen 10000 up
    ip -n "$NS_S" link set "$DEV" txqueuelen 10000 up
    # Tests listen below the ports that the kernel chooses: one of those may be in TIME-WAIT, and cannot be listened on.
    ip netns exec "$NS_K" sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535 \
        net.ipv4.tcp_max_tw_buckets=262144 net.ipv4.ip_local_port_range='16384 65535' \
        net.ipv4.tcp_no_metrics_save=1
}

in_s() { ip netns exec "$NS_S" "$@"; }
in_k() { ip netns exec "$NS_K" "$@"; }

# ---- processes

# Starts COMMAND in a namespace with its output in $WORK/NAME.log; its pid is in $pid.
start() { # start NAMESPACE NAME COMMAND...
    local ns=$1 name=$2
    shift 2
    ip netns exec "$ns" "$@" >"$WORK/$name.log" 2>&1 </dev/null &
    pid=$!
    pids+=("$pid")
}

# The kernel's program, once it listens; its pid is in $pid.
start_peer_listening() { # start_peer_listening NAME ADDRESS PORT OPTIONS_OF_PEER...
    start "$NS_K" "$1" "$PEER" listen "${@:2}"
    wait_for 20 eval "in_k ss -Hltn sport = $3 | grep -q $3" || fail "$1: the kernel's program does not listen"
}

# spate's program, once it listens; its pid is in $pid. The sha256 of what it receives comes to $WORK/NAME.sum, its exit code to
# $WORK/NAME.exit.
start_snc_listening() { # start_snc_listening NAME SECONDS FILE_TO_SEND ARGS...
    (
        set +e
        timeout "$2" ip netns exec "$NS_S" "$SNC" "${@:4}" <"$3" 2>"$WORK/$1-snc.log" | sha256sum |
            cut -d ' ' -f 1 >"$WORK/$1.sum"
        echo "${PIPESTATUS[0]}" >"$WORK/$1.exit"
    ) &
    pid=$!
    pids+=("$pid")
    wait_for 20 grep -q listening "$WORK/$1-snc.log" || fail "$1: spate's program does not listen"
}

# What the kernel counted in its namespace since it came up.
kernel_count() { in_k nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

# Nothing of what was under `spate run` was the kernel's: it has opened no connection and sent no datagram in spate's namespace.
check_beneath() {
    local what
    for what in TcpActiveOpens TcpPassiveOpens UdpOutDatagrams Udp6OutDatagrams; do
        check_eq "by the kernel beneath spate, $what" "$(in_s nstat -asz $what | awk -v name=$what '$1 == name { print $2 }')" 0
    done
}

# `spate serve ARGS...` on the wire, until it answers.
start_serve() { # start_serve PORT ARGS...
    local port=$1
    shift
    start "$NS_S" serve "$SPATE" serve "${ON_WIRE[@]}" "$@"
    export serve_pid=$pid
    if ! wait_for 20 in_k nc -z -w 1 "$S_IP" "$port"; then
        fail "spate serve did not come up on port $port"
        exit 1
    fi
}

start_nginx() { # start_nginx FILE_BYTES: serves /index.html of that size and counts in $WORK/access.log
    local connections
    connections=$(ulimit -Hn)
    [[ $connections =~ ^[0-9]+$ ]] && [ "$connections" -le 60000 ] || connections=60000
    ulimit -n "$connections"
    connections=$((connections - 100))
    mkdir -p "$WORK/www" "$WORK/nginx"
    head -c "$1" /dev/zero | tr '\0' 'x' >"$WORK/www/index.html"
    cat >"$WORK/nginx.conf" <<CONF
daemon off;
user root;
worker_processes 1;
pid $WORK/nginx/pid;
error_log $WORK/nginx-error.log warn;
events { worker_connections $connections; }
http {
    log_format short '\$remote_addr \$connection \$status \$body_bytes_sent';
    access_log $WORK/access.log short;
    client_body_temp_path $WORK/nginx/a;
    proxy_temp_path $WORK/nginx/b;
    fastcgi_temp_path $WORK/nginx/c;
    uwsgi_temp_path $WORK/nginx/d;
    scgi_temp_path $WORK/nginx/e;
    keepalive_requests 10000000;
    keepalive_timeout 300s;
    server {
        listen $K_IP:80 backlog=65535;
        root $WORK/www;
    }
}
CONF
    start "$NS_K" nginx nginx -c "$WORK/nginx.conf" -e "$WORK/nginx-error.log"
    export nginx_pid=$pid
    if ! wait_for 20 in_k nc -z -w 1 "$K_IP" 80; then
        fail "nginx did not start"
        exit 1
    fi
    nginx_reset_log
}

nginx_reset_log() { : >"$WORK/access.log"; }

# Lines in nginx's log, once it has stopped growing.
nginx_count() {
    local before=-1 now
    now=$(wc -l <"$WORK/access.log")
    while [ "$now" != "$before" ]; do
        sleep 0.3
        before=$now
        now=$(wc -l <"$WORK/access.log")
    done
    echo "$now"
}

