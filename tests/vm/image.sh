#!/usr/bin/env bash
# The root file system of a virtual machine, an initramfs: image.sh DIR INIT SPATE [FILE...]. DIR/debian is what fetch.sh
# brought; the result is DIR/initramfs: busybox, two kernel modules, SPATE and the other programs (in /bin) with their
# libraries and PMDs, and INIT.
set -euo pipefail

usage="usage: image.sh DIR INIT SPATE [FILE...]"
dir=$(realpath "${1:?$usage}") init=$(realpath "${2:?$usage}")
shift 2
[ $# -gt 0 ] || { echo "$usage" >&2; exit 2; }
# PMDs of the NIC models, and what they stand on. libgcc_s is loaded by name when a thread ends.
plugins=(librte_bus_pci librte_bus_vdev librte_mempool_ring librte_net_e1000 librte_net_virtio librte_net_vmxnet3)
lib_dir=$(pkg-config --variable=libdir libdpdk)

root=$(mktemp -d "$dir/root.XXXXXX")
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,lib,lib64,modules}

libraries() { # libraries FILE...: paths of the shared libraries that they need, and of the loader
    ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' | sort -u
}

# EAL loads every .so of the folder that it was built with. It must be the same file as the library that others are
# linked with, or it is loaded twice: so the folder holds links.
for folder in "$lib_dir"/dpdk/pmds-*; do
    mkdir -p "$root$folder"
    for plugin in "${plugins[@]}"; do
        for file in "$folder/$plugin".so.??; do
            needed+=("$file")
            ln -s "/lib/$(basename "$file")" "$root$folder/$plugin.so"
        done
    done
done
for file in "${needed[@]}" $(libraries "$@" "${needed[@]}") "$(gcc -print-file-name=libgcc_s.so.1)"; do
    case $file in
    *ld-linux*) cp -L "$file" "$root/lib64/" ;;
    *) cp -L "$file" "$root/lib/" ;;
    esac
done
cp "$dir"/debian/*.ko "$root/modules/"
cp "$dir/debian/busybox" "$root/bin/"
cp "$init" "$root/init"
for file in "$@"; do strip -o "$root/bin/$(basename "$file")" "$file"; done

(cd "$root" && find . | "$dir/debian/busybox" cpio -o -H newc -R 0:0 >"$root.cpio" 2>/dev/null)
mv "$root.cpio" "$dir/initramfs"
