#!/usr/bin/env bash
# Programs as Debian ships them, under `spate run`: each as client, server or both against the kernel, and what they fetch, store
# and answer is compared. MODE=kernel runs the same without spate, to prove the tests; ONLY="curl redis" picks some.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

MODE=${MODE:-spate}
CROWD=${CROWD:-$BUILD/tests/net/crowd}
TALKS=$TESTS_DIR/net/programs/talks.py
PEER6=fd77::1 OWN6=fd77::10
[ "$MODE" = kernel ] && RUN=() || RUN=("$SPATE" run "${ON_WIRE[@]}" --ip "$OWN6/64" --dad no --)

# ---- the world: in it the program under test has $S_IP and $OWN6, the others $K_IP and $PEER6

ip6_on() { # ip6_on NAMESPACE DEVICE
    ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
        "net.ipv6.conf.$2.disable_ipv6=0" "net.ipv6.conf.$2.accept_ra=0" "net.ipv6.conf.$2.dad_transmits=0"
}

world() {
    net_start
    ip6_on "$NS_K" "$K_DEV"
    ip -n "$NS_K" addr add "$PEER6/64" dev "$K_DEV" nodad
    [ "$MODE" = kernel ] || return 0
    ip6_on "$NS_S" "$DEV"
    ip -n "$NS_S" addr add "$S_IP/24" dev "$DEV"
    ip -n "$NS_S" addr add "$OWN6/64" dev "$DEV" nodad
}

under() { in_s timeout 120 "${RUN[@]}" "$@"; }            # the program under test, and waits
under_start() { start "$NS_S" "$1" "${RUN[@]}" "${@:2}"; } # under_start NAME COMMAND...: without waiting; its pid is in $pid
beside() { in_k timeout 120 "$@"; }

up_there() { wait_for 20 in_k nc -z -w 1 "$S_IP" "$1" || fail "nothing listens on port $1 of the program under test"; }
up_here() { wait_for 20 in_k nc -z -w 1 "$K_IP" "$1" || fail "nothing listens on port $1 of the kernel's program"; }

sum() { sha256sum "$@" | cut -d ' ' -f 1; }

# The same files, served by nginx on the kernel and by what is under test.
FILES=(0 1 1447 1448 65536 1000000 5000000)
make_files() {
    local n
    mkdir -p "$WORK/www"
    for n in "${FILES[@]}"; do head -c "$n" /dev/urandom >"$WORK/www/$n"; done
    (cd "$WORK/www" && sha256sum "${FILES[@]}") >"$WORK/www.sums"
    chmod -R a+rX "$WORK/www"
}

same_files() { # same_files WHAT FOLDER: all of them, with the same bytes
    local good
    (cd "$2" && sha256sum -c "$WORK/www.sums") >"$WORK/same" 2>/dev/null || true
    good=$(grep -c ': OK$' "$WORK/same" || true)
    check_eq "$1: files with the right bytes" "$good" "${#FILES[@]}"
}

nginx_conf() { # nginx_conf NAME WORKERS LISTEN...: prints the name of a configuration
    local dir=$WORK/$1 workers=$2 address
    shift 2
    mkdir -p "$dir"
    {
        echo "daemon off; user root; pid $dir/pid; error_log $dir/error.log warn;"
        [ "$workers" = 0 ] && echo "master_process off;" || echo "worker_processes $workers;"
        echo "events { worker_connections 2000; }"
        echo "http { access_log $dir/access.log; client_body_temp_path $dir/a; proxy_temp_path $dir/b;"
        echo "fastcgi_temp_path $dir/c; uwsgi_temp_path $dir/d; scgi_temp_path $dir/e; keepalive_requests 1000000;"
        echo "server { root $WORK/www;"
        for address in "$@"; do echo "listen $address backlog=511;"; done
        echo "} }"
    } >"$dir/conf"
    echo "$dir/conf"
}

kernel_nginx() { # once, on both addresses
    [ -z "${nginx_up:-}" ] || return 0
    start "$NS_K" nginx nginx -e "$WORK/nginx-error.log" -c "$(nginx_conf kernel 1 "$K_IP:80" "[$PEER6]:80")"
    up_here 80
    nginx_up=yes
}

kernel_talks() { # kernel_talks WHAT PORT
    start "$NS_K" "talks-$1" "$TALKS" "$1" "$K_IP" "$2"
    up_here "$2"
}

files_by_curl() { # files_by_curl FOLDER URL OPTIONS...: arguments for curl that fetch all
    local folder=$1 url=$2 n
    shift 2
    rm -rf "$folder"
    mkdir -p "$folder"
    curl_args=(-sS -g --no-progress-meter -m 60 "$@")
    for n in "${FILES[@]}"; do curl_args+=(-o "$folder/$n" "$url/$n"); done
}

# ---- the programs

run_curl() {
    local i
    kernel_nginx
    files_by_curl "$WORK/curl4" "http://$K_IP"
    check_logged curl4 "curl, IPv4" under curl "${curl_args[@]}"
    same_files "curl, IPv4" "$WORK/curl4"
    files_by_curl "$WORK/curl6" "http://[$PEER6]"
    check_logged curl6 "curl, IPv6" under curl "${curl_args[@]}"
    same_files "curl, IPv6" "$WORK/curl6"
    files_by_curl "$WORK/curlp" "http://$K_IP" --parallel --parallel-max 50
    for i in $(seq 200); do curl_args+=(-o "$WORK/curlp/more$i" "http://$K_IP/65536"); done
    check_logged curlp "curl, 207 files in parallel" under curl "${curl_args[@]}"
    same_files "curl, in parallel" "$WORK/curlp"
    check_eq "curl, in parallel: contents of the other 200" "$(cat "$WORK"/curlp/more* | sum)" \
        "$(for _ in $(seq 200); do cat "$WORK/www/65536"; done | sum)"
    check_eq "curl: the exit code of a refused connection" "$(under curl -s -m 5 "http://$K_IP:7"; echo $?)" 7
}

run_wget() {
    kernel_nginx
    mkdir -p "$WORK/wget"
    check_logged wget "wget" under wget -nv -T 20 -t 1 -P "$WORK/wget" "${FILES[@]/#/http://$K_IP/}"
    same_files wget "$WORK/wget"
}

# Requests that wrk counts are lines in nginx's log; those still on their way when wrk ends are only there.
run_wrk() {
    local counted before after
    kernel_nginx
    before=$(wc -l <"$WORK/kernel/access.log")
    under wrk -t 2 -c 64 -d 3s "http://$K_IP/1447" >"$WORK/wrk.log" 2>&1 || true
    sleep 0.5
    after=$(wc -l <"$WORK/kernel/access.log")
    counted=$(awk '/requests in/ { print $1 }' "$WORK/wrk.log")
    check_ge "wrk: requests" "$counted" 1000
    check "wrk: no errors" eval "! grep -E 'Socket errors|Non-2xx|unable' '$WORK/wrk.log'"
    check_le "wrk: nginx counted as many, but for those on the way: off by" $((after - before - counted)) 64
    check_ge "wrk: nginx counted no fewer: off by" $((after - before - counted)) 0
}

nginx_serves() { # nginx_serves NAME WORKERS
    local name=$1
    under_start "$name" nginx -e "$WORK/$name-error.log" -c "$(nginx_conf "$name" "$2" "$S_IP:80" "[$OWN6]:80")"
    local server=$pid
    up_there 80
    files_by_curl "$WORK/$name.4" "http://$S_IP"
    check_logged "$name-curl" "$name: curl, IPv4" beside curl "${curl_args[@]}"
    same_files "$name, IPv4" "$WORK/$name.4"
    files_by_curl "$WORK/$name.6" "http://[$OWN6]" --parallel
    check_logged "$name-curl6" "$name: curl, IPv6" beside curl "${curl_args[@]}"
    same_files "$name, IPv6" "$WORK/$name.6"
    beside wrk -t 1 -c 50 -d 2s "http://$S_IP/1447" >"$WORK/$name-wrk.log" 2>&1 || true
    check_ge "$name: wrk's requests" "$(awk '/requests in/ { print $1 }' "$WORK/$name-wrk.log")" 500
    check "$name: no errors" eval "! grep -E 'Socket errors|Non-2xx|unable' '$WORK/$name-wrk.log'"
    stop "$server"
}

run_nginx() {
    nginx_serves nginx-alone 0
    nginx_serves nginx-workers 2
}

# What redis-cli is told and tells again.
redis_values() { # redis_values WHAT COMMAND_BEFORE... : with redis-cli to $redis_at
    local what=$1 got
    shift
    check_eq "$what: SET" "$("$@" redis-cli -h "$redis_at" -p 6379 set name "value of $what")" OK
    check_eq "$what: GET" "$("$@" redis-cli -h "$redis_at" -p 6379 get name)" "value of $what"
    "$@" redis-cli -h "$redis_at" -p 6379 -x set blob <"$WORK/www/1000000" >/dev/null || true
    got=$("$@" redis-cli -h "$redis_at" -p 6379 --raw get blob | head -c 1000000 | sum)
    check_eq "$what: a value of 1 MB" "$got" "$(sum "$WORK/www/1000000")"
    check_eq "$what: 1000 increments in a pipe" \
        "$(for _ in $(seq 1000); do echo incr count; done | "$@" redis-cli -h "$redis_at" -p 6379 | tail -n 1)" 1000
    "$@" redis-benchmark -h "$redis_at" -p 6379 -q -n 20000 -c 50 -r 1000 -t set,get,incr,lpush --csv \
        >"$WORK/bench.log" 2>&1 || true
    check_eq "$what: redis-benchmark's tests that ended" "$(grep -cE '^"(SET|GET|INCR|LPUSH)' "$WORK/bench.log")" 4
    got=$("$@" redis-cli -h "$redis_at" -p 6379 info commandstats | tr -d '\r' |
        sed -n 's/^cmdstat_lpush:calls=\([0-9]*\),.*/\1/p')
    check_eq "$what: LPUSHes that the server counted" "$got" 20000
}

redis_server() {
    redis_command=(redis-server --bind "$1" --port 6379 --save '' --appendonly no --protected-mode no --dir "$WORK")
}

run_redis() {
    local server
    redis_server "$S_IP"
    under_start redis "${redis_command[@]}"
    server=$pid redis_at=$S_IP
    up_there 6379
    redis_values "redis-server" beside
    stop "$server"
    redis_server "$K_IP"
    start "$NS_K" redis-kernel "${redis_command[@]}"
    server=$pid redis_at=$K_IP
    up_here 6379
    redis_values "redis-cli and redis-benchmark" under
    stop "$server"
}

run_memcached() {
    under_start memcached memcached -u root -l "$S_IP" -p 11211 -U 0 -t 4
    local server=$pid
    up_there 11211
    check_eq memcached "$(beside "$TALKS" memcached "$S_IP" 11211 300 | tail -n 1)" "memcached: 300 of 300"
    stop "$server"
}

# curl and wrk, haproxy under test, nginx.
run_haproxy() {
    kernel_nginx
    cat >"$WORK/haproxy.conf" <<CONF
global
    maxconn 1000
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend in
    bind $S_IP:8080
    default_backend out
backend out
    server a $K_IP:80
    server b [$PEER6]:80
frontend raw
    mode tcp
    bind $S_IP:8081
    default_backend rawout
backend rawout
    mode tcp
    server a $K_IP:80
CONF
    under_start haproxy haproxy -db -f "$WORK/haproxy.conf"
    local server=$pid port
    up_there 8080
    for port in 8080 8081; do
        files_by_curl "$WORK/haproxy$port" "http://$S_IP:$port" --parallel
        check_logged haproxy-curl "haproxy, port $port: curl" beside curl "${curl_args[@]}"
        same_files "haproxy, port $port" "$WORK/haproxy$port"
    done
    beside wrk -t 1 -c 50 -d 2s "http://$S_IP:8080/1447" >"$WORK/haproxy-wrk.log" 2>&1 || true
    check_ge "haproxy: wrk's requests" "$(awk '/requests in/ { print $1 }' "$WORK/haproxy-wrk.log")" 200
    check "haproxy: no errors" eval "! grep -E 'Socket errors|Non-2xx|unable' '$WORK/haproxy-wrk.log'"
    stop "$server"
}

iperf_get() { # iperf_get FILE KEY KEY: of its report's end
    python3 - "$@" <<'PY' 2>/dev/null || echo 0
import json, sys
print(json.load(open(sys.argv[1]))["end"][sys.argv[2]][sys.argv[3]])
PY
}

# What is on its way when the sender has its count is not waited for.
iperf_bytes() { # iperf_bytes WHAT FILE LEAST: what was received is no less, and no more than what was sent
    local got sent
    got=$(iperf_get "$2" sum_received bytes) sent=$(iperf_get "$2" sum_sent bytes)
    check_ge "$1: bytes received" "$got" "$3"
    check_le "$1: and no more than the $sent sent, over by" $((got > sent ? got - sent : 0)) 0
}

# By what it says: after a connection without a test it listens anew, and resets who came meanwhile.
iperf_up() { # iperf_up LOG
    wait_for 20 grep -q 'Server listening' "$WORK/$1.log" || fail "iperf3 does not listen"
}

run_iperf3() {
    local server way
    start "$NS_K" iperf-server iperf3 -s --forceflush -B "$K_IP" -p 5201
    server=$pid
    iperf_up iperf-server
    for way in "" -R; do
        # shellcheck disable=SC2086 # no word, or one
        under iperf3 -c "$K_IP" -n 50M -P 2 -J $way >"$WORK/iperf.json" 2>"$WORK/iperf.log" || true
        iperf_bytes "iperf3 as client ${way:-forward}" "$WORK/iperf.json" 25000000
    done
    under iperf3 -c "$K_IP" -u -b 20M -t 2 -J >"$WORK/iperf.json" 2>"$WORK/iperf.log" || true
    check_ge "iperf3 as client, datagrams" "$(iperf_get "$WORK/iperf.json" sum packets)" 1000
    stop "$server"
    under_start iperf-under iperf3 -s --forceflush -B "$S_IP" -p 5201
    server=$pid
    iperf_up iperf-under
    for way in "" -R; do
        # shellcheck disable=SC2086
        beside iperf3 -c "$S_IP" -n 50M -J $way >"$WORK/iperf.json" 2>"$WORK/iperf.log" || true
        iperf_bytes "iperf3 as server ${way:-forward}" "$WORK/iperf.json" 25000000
    done
    stop "$server"
}

run_python() {
    local server
    kernel_talks echo 7100
    check_eq "Python, asyncio as client" "$(under "$TALKS" asyncio-client "$K_IP" 7100 100 | tail -n 1)" "asyncio: 100 of 100"
    kernel_talks http-server 7101
    check_eq "Python, http.client" "$(under "$TALKS" http-client "$K_IP" 7101 60 | tail -n 1)" "http.client: 60 of 60"

    under_start asyncio-server "$TALKS" asyncio-server "$S_IP" 7102
    server=$pid
    up_there 7102
    check_eq "Python, asyncio as server" "$(beside "$TALKS" connections "$S_IP" 7102 300 | tail -n 1)" "connections: 300 of 300"
    stop "$server"
    under_start socketserver "$TALKS" socketserver "$S_IP" 7103
    server=$pid
    up_there 7103
    check_eq "Python, socketserver" "$(beside "$TALKS" lines "$S_IP" 7103 200 | tail -n 1)" "lines: 200 of 200"
    stop "$server"
    under_start http-server-under "$TALKS" http-server "$OWN6" 7104
    server=$pid
    wait_for 20 in_k nc -6 -z -w 1 "$OWN6" 7104 || fail "Python's http.server does not listen"
    check_eq "Python, http.server, IPv6" "$(beside "$TALKS" http-client "$OWN6" 7104 40 | tail -n 1)" "http.client: 40 of 40"
    stop "$server"
}

run_openssl() {
    local server
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=spate -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
    cd "$WORK/www"
    start "$NS_K" s_server openssl s_server -accept "$K_IP:4433" -cert "$WORK/cert.pem" -key "$WORK/key.pem" -WWW -quiet
    server=$pid
    up_here 4433
    printf 'GET /1000000 HTTP/1.0\r\n\r\n' |
        under openssl s_client -connect "$K_IP:4433" -CAfile "$WORK/cert.pem" -verify_return_error -quiet -ign_eof \
            >"$WORK/s_client.out" 2>"$WORK/s_client.log" || true
    check_eq "openssl s_client: 1 MB" "$(tail -c 1000000 "$WORK/s_client.out" | sum)" "$(sum "$WORK/www/1000000")"
    check_grep "openssl s_client: the certificate is good" "verify return:1" "$WORK/s_client.log"
    stop "$server"
    under_start s_server-under openssl s_server -accept "$S_IP:4433" -cert "$WORK/cert.pem" -key "$WORK/key.pem" -WWW -quiet
    server=$pid
    cd - >/dev/null
    up_there 4433
    files_by_curl "$WORK/s_server" "https://$S_IP:4433" -k --http1.0 --ignore-content-length
    check_logged s_server-curl "openssl s_server: curl" beside curl "${curl_args[@]}"
    same_files "openssl s_server" "$WORK/s_server"
    stop "$server"
}

run_ssh() {
    local options
    mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/host_key"
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/user_key"
    cp "$WORK/user_key.pub" "$WORK/authorized"
    cat >"$WORK/sshd.conf" <<CONF
ListenAddress $K_IP
Port 2222
HostKey $WORK/host_key
AuthorizedKeysFile $WORK/authorized
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
CONF
    start "$NS_K" sshd /usr/sbin/sshd -D -e -f "$WORK/sshd.conf"
    up_here 2222
    options=(-F /dev/null -i "$WORK/user_key" -o StrictHostKeyChecking=no -o "UserKnownHostsFile=$WORK/known" -o LogLevel=ERROR)
    check_eq "ssh: a command's output" "$(under ssh -p 2222 "${options[@]}" "root@$K_IP" "expr 6 \\* 7" </dev/null)" 42
    check_eq "ssh: 5 MB there" \
        "$(under ssh -p 2222 "${options[@]}" "root@$K_IP" sha256sum <"$WORK/www/5000000" | cut -d ' ' -f 1)" \
        "$(sum "$WORK/www/5000000")"
    check_eq "ssh: 5 MB back" "$(under ssh -p 2222 "${options[@]}" "root@$K_IP" "cat $WORK/www/5000000" </dev/null | sum)" \
        "$(sum "$WORK/www/5000000")"
    check_eq "ssh: a command's exit code" "$(under ssh -p 2222 "${options[@]}" "root@$K_IP" 'exit 7' </dev/null; echo $?)" 7
}

run_crowd() {
    kernel_talks echo 7200
    check_eq "64 threads that connect" "$(under "$CROWD" connect "$K_IP" 7200)" \
        "64 threads: 0 bytes missing, 12800 datagrams answered"
    under_start crowd "$CROWD" serve "$S_IP" 7201 301 # the first looks whether it is there
    local server=$pid
    up_there 7201
    check_eq "64 threads that accept" "$(beside "$TALKS" connections "$S_IP" 7201 300 | tail -n 1)" "connections: 300 of 300"
    wait_for 20 grep -q "301 connections" "$WORK/crowd.log" || fail "64 threads that accept: they do not end"
    stop "$server"
}

# Programs that talk with each other over 127.0.0.1, which is spate's then: curl, haproxy, nginx with a worker, and redis.
run_together() {
    local conf dir=$WORK/together run=("${RUN[@]}")
    conf=$(nginx_conf together-nginx 1 127.0.0.1:8001)
    mkdir -p "$dir"
    cat >"$dir/haproxy.conf" <<CONF
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen all
    bind 127.0.0.1:8002
    server a 127.0.0.1:8001
CONF
    redis_server 127.0.0.1
    files_by_curl "$dir/files" http://127.0.0.1:8002 --retry 20 --retry-connrefused --retry-delay 1
    cat >"$dir/all.sh" <<SCRIPT
nginx -e $dir/error.log -c $conf & nginx=\$!
haproxy -db -f $dir/haproxy.conf & haproxy=\$!
${redis_command[*]@Q} & redis=\$!
curl ${curl_args[*]@Q}
for i in 1 2 3 4 5 6 7 8 9 10; do [ "\$(redis-cli ping)" = PONG ] && break; sleep 0.5; done
redis-cli -x set blob <$WORK/www/1000000 >$dir/set
redis-cli --raw get blob | head -c 1000000 >$dir/get
kill \$nginx \$haproxy \$redis
wait
SCRIPT
    [ "$MODE" = kernel ] || run=("${RUN[@]:0:${#RUN[@]}-1}" --rule "spate any" --)
    [ "$MODE" = kernel ] || ip -n "$NS_S" link set lo down
    in_s timeout 120 "${run[@]}" bash "$dir/all.sh" >"$WORK/together.log" 2>&1 || true
    ip -n "$NS_S" link set lo up
    same_files "nginx, haproxy and curl over loopback" "$dir/files"
    check_eq "redis-cli over loopback: SET" "$(cat "$dir/set")" OK
    check_eq "redis-cli over loopback: a value of 1 MB" "$(sum "$dir/get")" "$(sum "$WORK/www/1000000")"
}

# ----

echo "preload_programs: unmodified programs, $([ "$MODE" = kernel ] && echo on the kernel || echo under spate run)"
make_files
world
for program in ${ONLY:-curl wget wrk nginx redis memcached haproxy iperf3 python openssl ssh crowd together}; do
    "run_$program"
    [ "$MODE" = kernel ] || peer "$program under spate run"
done
[ "$MODE" = kernel ] || check_beneath
