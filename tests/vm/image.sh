#!/usr/bin/env bash
# The root file system of the virtual machine, an initramfs: image.sh DIR SPATE. DIR/debian is what fetch.sh brought;
# the result is DIR/initramfs: busybox, two kernel modules, SPATE with its libraries and PMDs, and init.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
dir=$(realpath "${1:?usage: image.sh DIR SPATE}") spate=$(realpath "${2:?usage: image.sh DIR SPATE}")
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
for file in "${needed[@]}" $(libraries "$spate" "${needed[@]}") "$(gcc -print-file-name=libgcc_s.so.1)"; do
    case $file in
    *ld-linux*) cp -L "$file" "$root/lib64/" ;;
    *) cp -L "$file" "$root/lib/" ;;
    esac
done
cp "$dir"/debian/*.ko "$root/modules/"
cp "$dir/debian/busybox" "$root/bin/"
cp "$here/init" "$root/init"
strip -o "$root/bin/spate" "$spate"

(cd "$root" && find . | "$dir/debian/busybox" cpio -o -H newc -R 0:0 >"$root.cpio" 2>/dev/null)
mv "$root.cpio" "$dir/initramfs"
