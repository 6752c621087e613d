#!/usr/bin/env bash
# What people get wrong: each wrong command line or file ends at once with exit code 2 and one line that says what to
# do; what runs out while running is counted under its errno; and sim needs no root.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "bad_input: wrong command lines and files, exhaustion, no privileges"
net_start
URL=http://10.0.0.1/

# bad WHAT PATTERN ARGS...: exit code 2, a single line of at most 400 characters on standard error, which matches.
bad() {
    local what=$1 pattern=$2 status=0 lines
    shift 2
    timeout 20 ip netns exec "$NS_S" "$SPATE" "$@" >"$WORK/bad-out.log" 2>"$WORK/bad-err.log" </dev/null || status=$?
    lines=$(wc -l <"$WORK/bad-err.log")
    if [ "$status" = 2 ] && [ "$lines" = 1 ] && [ "$(wc -c <"$WORK/bad-err.log")" -le 400 ] &&
        grep -Eqi -- "$pattern" "$WORK/bad-err.log"; then
        ok "$what -> $(cut -c 1-160 "$WORK/bad-err.log")"
    else
        fail "$what: exit code $status, $lines lines, wanted '$pattern': $(head -n 3 "$WORK/bad-err.log" | tr '\n' '|')"
    fi
}

# ---- command lines

bad "no command" "no command given"
bad "unknown command" "lod.*did you mean|unknown|no command" lod
bad "no device" "--dev|device" load --ip 10.0.0.2/24 "$URL"
bad "interface that does not exist" "eth77" load --dev eth77 --ip 10.0.0.2/24 "$URL"
bad "unknown device scheme" "quux" load --dev quux:1 --ip 10.0.0.2/24 "$URL"
bad "PCI device that is not there" "0000:ff:1f.7" load --dev 0000:ff:1f.7 --ip 10.0.0.2/24 "$URL"
bad "option that sim does not have" "lost" load --dev sim,lost=1% "$URL"
bad "loss above 100 %" "loss" load --dev sim,loss=101% "$URL"
bad "a setting that is yes or no" "timestamps.*yes or no" load --dev "$DEV" --ip 10.0.0.2/24 --timestamps maybe "$URL"
bad "the same of SACK" "sack.*yes or no" load --dev "$DEV" --ip 10.0.0.2/24 --sack 1 "$URL"
bad "the same of windows" "window-scaling.*yes or no" load --dev "$DEV" --ip 10.0.0.2/24 --window-scaling 7 "$URL"
bad "the same of idle times" "slow-start-after-idle.*yes or no" load --dev "$DEV" --ip 10.0.0.2/24 --slow-start-after-idle 2 "$URL"
bad "key of Fast Open" "fastopen-key.*four hexadecimal" load --dev "$DEV" --ip 10.0.0.2/24 --fastopen-key secret "$URL"
bad "no address" "--ip|address" load --dev "$DEV" "$URL"
bad "address that is none" "10\.0\.0\.256" load --dev "$DEV" --ip 10.0.0.256/24 "$URL"
bad "address without prefix length" "10\.0\.0\.2.*/|prefix" load --dev "$DEV" --ip 10.0.0.2/ "$URL"
bad "prefix length of 33" "33" load --dev "$DEV" --ip 10.0.0.2/33 "$URL"
bad "range that runs backwards" "10\.0\.0\.9-10\.0\.0\.2" load --dev "$DEV" --ip 10.0.0.9-10.0.0.2/24 "$URL"
bad "gateway on no network of ours" "192\.168\.1\.1" load "${ON_WIRE[@]}" --gw 192.168.1.1 "$URL"
bad "VLAN that is none" "vlan.*1 to 4094" load --dev "$DEV" --vlan 4095 --ip 10.0.0.2/24 "$URL"
bad "VLAN without address" "vlan 7.*address" load --dev "$DEV" --ip 10.0.0.2/24 --vlan 7 "$URL"
bad "two devices, one without address" "sp9.*address" load --dev "$DEV" --ip 10.0.0.2/24 --dev sp9 "$URL"
bad "sim beside another device" "sim.*several" load --dev "$DEV" --ip 10.0.0.2/24 --dev sim --ip 10.0.1.2/24 "$URL"
bad "VLAN with a larger MTU than its device" "MTU.*7" load --dev "$DEV" --mtu 1400 --vlan 7 --mtu 1500 --ip 10.0.0.2/24 "$URL"
bad "port range that is none" "port-range" load "${ON_WIRE[@]}" --port-range 9000-10 "$URL"
bad "ports that are none" "reserved-ports" load "${ON_WIRE[@]}" --reserved-ports 70000 "$URL"
bad "offload that is neither auto nor no" "offload.*auto or no" load "${ON_WIRE[@]}" --offload maybe "$URL"
bad "MTU beyond the interface's" "has an MTU of 1500, not 9000.*ip link set" nic --dev "$DEV" --mtu 9000
bad "nic without a device" "no device" nic
bad "probe of something that is no address" "--probe.*such as" nic "${ON_WIRE[@]}" --probe 10.77.0.1:x
bad "probe without an address of our own" "no address|--ip" nic --dev "$DEV" --probe 10.77.0.1
bad "no connections at all" "connections" load "${ON_WIRE[@]}" --connections 0 "$URL"
bad "number that is none" "connections.*many" load "${ON_WIRE[@]}" --connections many "$URL"
bad "unknown option, nearly right" "did you mean --connections" load "${ON_WIRE[@]}" --conections 5 "$URL"
bad "option without its value" "needs a value" load "$URL" --dev
bad "no URL" "URL|http://" load "${ON_WIRE[@]}"
bad "URL of a protocol that is not spoken" "https|TLS" load "${ON_WIRE[@]}" https://10.0.0.1/
bad "URL with a port that is none" "99999" load "${ON_WIRE[@]}" http://10.0.0.1:99999/
bad "size of a body that is none" "body" serve "${ON_WIRE[@]}" --http 80 --body-size many
bad "service on a port that is none" "70000" serve "${ON_WIRE[@]}" --http 70000

# ---- configuration files

printf '[spate]\ndev = %s\nip = 10.77.0.300/24\n' "$DEV" >"$WORK/address.conf"
bad "bad address in a file" "address\.conf:3.*10\.77\.0\.300" load --config "$WORK/address.conf" "$URL"
printf '[spate]\ndev = %s\n\nconectoins = 5\n' "$DEV" >"$WORK/name.conf"
bad "unknown setting in a file" "name\.conf:4.*conectoins" load --config "$WORK/name.conf" "$URL"
printf '[spate]\nthis is no setting\n' >"$WORK/line.conf"
bad "line that is no setting" "line\.conf:2" load --config "$WORK/line.conf" "$URL"
bad "file that is not there" "no-such\.conf" load --config "$WORK/no-such.conf" "$URL"

bad "another" "rx-interrupts on.* must be yes or no" load "${ON_WIRE[@]}" --rx-interrupts on "$URL"
bad "a choice that there is not" "gro 1.* must be yes or no" load "${ON_WIRE[@]}" --gro 1 "$URL"
bad "half a user timeout" "user-timeout-option maybe.* must be yes or no" load "${ON_WIRE[@]}" --user-timeout-option maybe "$URL"
bad "a receive buffer that is too large" "rcvbuf-max 1G.* must be from 4K to 64M" load "${ON_WIRE[@]}" --rcvbuf-max 1G "$URL"
bad "an algorithm that there is not" "congestion vegas.* must be cubic, reno, bbr or dctcp" load "${ON_WIRE[@]}" --congestion vegas "$URL"
bad "a dialect of nobody" "dialect hpux.* must be linux, bsd or zos" load "${ON_WIRE[@]}" --dialect hpux "$URL"
bad "an unknown use of ECN" "ecn 3.* must be no, yes or answer" load "${ON_WIRE[@]}" --ecn 3 "$URL"

# ---- what the machine does not have

if [ "$(cat /proc/sys/vm/nr_hugepages)" = 0 ]; then
    bad "huge pages asked for, and there are none" "huge" load "${ON_WIRE[@]}" --huge yes "$URL"
fi
bad "more memory than there is" "memory|max-connections" load --dev sim --memory 900G "$URL"
bad "more connections than memory" "memory" load --dev sim --max-connections 67108864 --memory 64M "$URL"

# ---- no privileges: sim works, a real interface says what it takes

as_nobody() {
    HOME=$WORK/nobody timeout 60 env -u XDG_RUNTIME_DIR setpriv --reuid=65534 --regid=65534 --clear-groups \
        --inh-caps=-all --bounding-set=-all "$@"
}
mkdir -p "$WORK/nobody" "$WORK/bin"
chown 65534:65534 "$WORK/nobody"
cp "$SPATE" "$WORK/bin/spate" # the build folder may be closed to others
cd "$WORK/nobody"
check_logged nobody "sim without root: 1000 requests" as_nobody "$WORK/bin/spate" load --dev sim --connections 100 \
    --requests 1000 --json "$URL"
check_eq "sim without root: errors" "$(json_get "$WORK/nobody.log" errors)" 0
status=0
as_nobody ip netns exec "$NS_S" true >/dev/null 2>&1 && fail "nobody may enter namespaces: this test shows nothing"
in_s setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all env HOME="$WORK/nobody" \
    timeout 20 "$WORK/bin/spate" load "${ON_WIRE[@]}" "$URL" >"$WORK/denied.log" 2>&1 || status=$?
check_eq "interface without root: exit code" "$status" 2
check_grep "interface without root: says what it takes" "root|permission|CAP_NET_RAW" "$WORK/denied.log"

# ---- what runs out while running

load() { # load NAME ARGS...: on sim
    local name=$1
    shift
    timeout 60 "$SPATE" load --dev sim --json "$@" "$URL" >"$WORK/$name.log" 2>&1 || true
}

load ports --ip 10.0.0.2/24 --port-range 5000-5009 --hold --connections 20 --duration 2s
check_eq "10 ports, 20 connections: EADDRNOTAVAIL" \
    "$(json_get "$WORK/ports.log" errors_by_kind/connect.EADDRNOTAVAIL)" 10
check_eq "10 ports, 20 connections: established" "$(json_get "$WORK/ports.log" held)" 10

load table --max-connections 64 --hold --connections 200 --duration 2s
check_ge "room for 64 sockets, 200 connections: ENOBUFS" \
    "$(json_get "$WORK/table.log" errors_by_kind/connect.ENOBUFS)" 1
check_ge "room for 64 sockets: established all the same" "$(json_get "$WORK/table.log" held)" 50
