#!/usr/bin/env bash
# Names under `spate run`: a name server that the kernel does not reach, and spate does. With --dns libc's resolver asks it, over UDP
# and TCP; without, it asks the kernel in vain.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "run_dns: names that are asked for through spate"
ASKS=${ASKS:-$BUILD/tests/net/asks}
net_start
echo "nameserver $K_IP" >"$WORK/resolv.conf"
echo "options timeout:2 attempts:2" >>"$WORK/resolv.conf"
start "$NS_K" dns "$TESTS_DIR/net/programs/dns.py" "$K_IP"
wait_for 20 grep -q listening "$WORK/dns.log" || fail "the name server does not listen"

# With that file for the program and its children alone.
# shellcheck disable=SC2016 # the inner shell's
run() { # run OPTIONS... -- COMMAND...
    in_s timeout 60 unshare -m sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$WORK/resolv.conf" \
        "$SPATE" run "${ON_WIRE[@]}" "$@"
}

check_eq "without --dns the name is not known" "$(run -- getent ahostsv4 host.spate.test || echo "exit code $?")" "exit code 2"
check_eq "getent: IPv4" "$(run --dns -- getent ahostsv4 host.spate.test | awk '/STREAM/ { print $1 }')" "$K_IP"
check_eq "getent: IPv6" "$(run --dns -- getent ahostsv6 host.spate.test | awk '/STREAM/ { print $1 }')" fd77::1
both='import socket; print(*sorted({a[4][0] for a in socket.getaddrinfo("host.spate.test", 80)}))'
check_eq "Python: both" "$(run --dns -- python3 -c "$both")" "$K_IP fd77::1"
check_eq "Python, without --dns" "$(run -- python3 -c "$both" 2>&1 | tail -n 1 | cut -d : -f 1)" socket.gaierror
check_eq "Python, --raw brings it, too" "$(run --raw -- python3 -c "$both")" "$K_IP fd77::1"
start "$NS_K" http python3 -m http.server --bind "$K_IP" --directory "$TESTS_DIR/net/programs" 80
wait_for 20 in_k nc -z -w 1 "$K_IP" 80 || fail "the web server does not listen"
check "curl, by name" cmp -s <(run --dns -- curl -sS -4 -m 20 http://host.spate.test/dns.py) "$TESTS_DIR/net/programs/dns.py"

run --dns -- "$ASKS" "$K_IP" >"$WORK/asks.log" 2>&1 || true
while IFS=: read -r way answer; do
    check_eq "$way" "$(sed -n "s/^$way: //p" "$WORK/asks.log")" "${answer# }"
done <<ANSWERS
getaddrinfo: $K_IP
getaddrinfo, IPv6: fd77::1
getaddrinfo, AI_ADDRCONFIG: $K_IP
getaddrinfo, no such name: Name or service not known
getaddrinfo, over TCP: 60
getnameinfo: host.spate.test
gethostbyname: $K_IP
gethostbyname2: fd77::1
gethostbyname_r: $K_IP
gethostbyname2_r: fd77::1
gethostbyaddr: host.spate.test
gethostbyaddr_r: host.spate.test
res_query: 1
res_search: 60
res_querydomain: 1
res_send: 1
res_nquery: 1
res_nsearch: 1
res_nquerydomain: 1
res_nsend: 1
16 threads, answers that fail: 0
with a handler: $K_IP!
with all blocked: $K_IP, and they still were
ANSWERS
check_beneath
peer "glibc's resolver"
