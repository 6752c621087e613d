#!/usr/bin/env bash
# Installs the Debian packages that building (and testing) needs: deps.sh build [test]. Quick when all are there.
# Without root or passwordless sudo it prints the command to run, and fails.
set -euo pipefail

packages=()
for group in "${@:-build}"; do
    case $group in
    build) packages+=(gcc libc6-dev make meson ninja-build pkg-config python3 libdpdk-dev libnuma-dev libcmocka-dev) ;;
    test) packages+=(clang libclang-rt-14-dev nginx curl wrk netbase tshark tcpdump iproute2 ethtool netcat-openbsd
        procps util-linux) ;; # netbase: wrk looks the port of http up in /etc/services
    *) echo "deps.sh: no group '$group' (build, test)" >&2; exit 2 ;;
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
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
    root=()
elif sudo -n true 2>/dev/null; then
    root=(sudo -n)
else
    echo "Some packages are missing, and installing them takes root. Please run:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi

# The tests start nginx by themselves on addresses of their own: keep the package from starting a server on port 80.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap '"${root[@]}" rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
    "${root[@]}" chmod 755 $policy
fi

echo "Installing: ${missing[*]}"
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
log=$(mktemp)
if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install the packages (whole log: $log)" >&2
    exit 1
fi
rm -f "$log"
