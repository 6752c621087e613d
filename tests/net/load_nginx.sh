#!/usr/bin/env bash
# `spate load` over a veth pair against a real nginx in another namespace: every request that spate counts is in nginx's
# own log, and there are no others.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "load_nginx: 100 000 requests on 1 000 connections, then 20 000 connections of one request each"
net_start
start_nginx 128

load() { # load NAME ARGS...: one run, its report in NAME.log
    local name=$1
    shift
    check_logged "$name" "$name: exit code 0" timeout 180 ip netns exec "$NS_S" "$SPATE" load "${ON_WIRE[@]}" --json \
        "$@" "http://$K_IP/"
    tail -n 1 "$WORK/$name.log" | cut -c 1-300
}

judge() { # judge NAME REQUESTS CONNECTIONS
    check_eq "$1: answered requests in spate's report" "$(json_get "$WORK/$1.log" responses)" "$2"
    check_eq "$1: established connections in spate's report" "$(json_get "$WORK/$1.log" established)" "$3"
    check_eq "$1: errors in spate's report" "$(json_get "$WORK/$1.log" errors)" 0
    check_eq "$1: requests in nginx's log" "$(nginx_count)" "$2"
    check_eq "$1: of these with status 200 and 128 bytes" "$(grep -c ' 200 128$' "$WORK/access.log" || true)" "$2"
    check_eq "$1: connections in nginx's log" "$(awk '{ print $2 }' "$WORK/access.log" | sort -u | wc -l)" "$3"
}

load keepalive --connections 1000 --requests 100000
judge keepalive 100000 1000

nginx_reset_log
load short --connections 1000 --requests 20000 --no-keepalive
judge short 20000 20000

check_eq "nginx's error log" "$(wc -l <"$WORK/nginx-error.log")" 0
peer nginx
