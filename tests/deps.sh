#!/usr/bin/env bash
# Installs the Debian packages that building (and testing) needs: deps.sh build [test] [vm]. Quick when all are there.
# Without root or passwordless sudo it prints the command to run, and fails. What the tests in a virtual machine (vm)
# lack is only said: they are skipped then.
set -euo pipefail

packages=() vm=no
for group in "${@:-build}"; do
    case $group in
    build) packages+=(gcc libc6-dev make meson ninja-build pkg-config python3 libdpdk-dev libnuma-dev libcmocka-dev) ;;
    test) packages+=(clang libclang-rt-14-dev gcovr nginx curl wrk netbase tshark tcpdump iproute2 ethtool netcat-openbsd
        procps util-linux dpdk-dev liblwip-dev nftables wget redis-server redis-tools
        memcached haproxy iperf3 openssl openssh-client openssh-server) ;; # netbase: wrk looks the port of http up in /etc/services; dpdk-dev: testpmd
    vm) vm=yes ;;
    *) echo "deps.sh: no group '$group' (build, test, vm)" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian. Install what these Debian 12 packages hold, then use make and make test-*:" >&2
    echo "  ${packages[*]}" >&2
    exit 1
fi

missing=()
for p in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing+=("$p")
done

# QEMU has the NIC igb from version 8 on; Debian 12 has that in its backports only.
vm_missing=()
if [ $vm = yes ]; then
    qemu_version=$(dpkg-query -W -f='${Version}' qemu-system-x86 2>/dev/null || true)
    dpkg --compare-versions "${qemu_version:-0}" ge 1:8 || vm_missing+=(qemu-system-x86)
fi

if [ "$(id -u)" = 0 ]; then
    root=()
elif sudo -n true 2>/dev/null; then
    root=(sudo -n)
elif [ ${#missing[@]} -gt 0 ]; then
    echo "Some packages are missing, and installing them takes root. Please run:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
else
    exit 0 # the tests in a virtual machine take root too
fi

apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

if [ ${#missing[@]} -gt 0 ]; then
    # The tests start nginx by themselves on addresses of their own: keep the package from starting a server on port 80.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap '"${root[@]}" rm -f $policy "$log"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
        "${root[@]}" chmod 755 $policy
    fi
    echo "Installing: ${missing[*]}"
    if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "apt-get could not install the packages" >&2
        exit 1
    fi
fi

# Makes the backports of this Debian known to apt, on the mirror that it uses already. They have a low priority: no
# other package comes from there by itself.
backports_add() {
    local uri codename known keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    known=$(apt-get indextargets --format "\$(REPO_URI) \$(CODENAME) \$(LABEL)" 'Created-By: Packages')
    read -r uri codename < <(awk '$3 == "Debian" && $2 !~ /-/ { print $1, $2; exit }' <<<"$known") || return 1
    backports=$codename-backports
    ! grep -q " $backports " <<<"$known" || return 0
    {
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$backports"
        [ ! -e $keyring ] || echo "Signed-By: $keyring"
    } | "${root[@]}" tee /etc/apt/sources.list.d/spate-backports.sources >/dev/null
}

vm_install() {
    backports_add && "${apt[@]}" update &&
        "${apt[@]}" install -y --no-install-recommends -t "$backports" "${vm_missing[@]}"
}

if [ ${#vm_missing[@]} -gt 0 ]; then
    echo "Installing: ${vm_missing[*]}"
    if ! vm_install >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        echo "No QEMU with the NIC igb is to be had: the tests in a virtual machine will be skipped" >&2
    fi
fi

# A second time with fresh lists of packages: those that apt has may be of packages that are gone.
vm_fetch() {
    local fetch=(tests/vm/fetch.sh "${BUILD:-build}/vm")
    "${fetch[@]}" || { "${apt[@]}" update && "${fetch[@]}"; }
}

if [ $vm = yes ] && ! vm_fetch >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "What a virtual machine boots is not to be had: the tests in one will be skipped" >&2
fi
