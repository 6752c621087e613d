#!/usr/bin/env bash
# What the virtual machine boots, from Debian's packages, unpacked and not installed: fetch.sh DIR. Afterwards
# DIR/debian has vmlinuz, the modules that init loads, and busybox. Does nothing when they are there. Exit code 1 with
# a sentence when a package cannot be had.
set -euo pipefail

dir=${1:?usage: fetch.sh DIR}
modules=(uio uio_pci_generic)
[ ! -e "$dir/debian" ] || exit 0

mkdir -p "$dir"
work=$(realpath "$(mktemp -d "$dir/fetch.XXXXXX")")
trap 'rm -rf "$work"' EXIT

unpack() { # unpack PACKAGE: into $work/root
    # As root, apt-get would drop its rights first, and then complain about the folder.
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$1") ||
        { echo "$1 does not download (apt-get update?)" >&2; exit 1; }
    dpkg -x "$work/$1"_*.deb "$work/root"
}

kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' || true)
kernel=${kernel%%$'\n'*}
[ -n "$kernel" ] || { echo "apt knows no linux-image-cloud-amd64 (apt-get update?)" >&2; exit 1; }
mkdir "$work/root" "$work/debian"
unpack "$kernel"
unpack busybox-static

for module in "${modules[@]}"; do
    find "$work/root" -name "$module.ko" -exec cp {} "$work/debian/" \;
    [ -e "$work/debian/$module.ko" ] || { echo "$kernel has no module $module" >&2; exit 1; }
done
cp "$work"/root/boot/vmlinuz-* "$work/debian/vmlinuz"
find "$work/root" -name busybox -type f -perm -u+x -exec cp {} "$work/debian/" \;
[ -x "$work/debian/busybox" ] || { echo "busybox-static holds no busybox" >&2; exit 1; }
mv "$work/debian" "$dir/debian"
