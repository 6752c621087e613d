#!/bin/sh
# Lays one include folder per room: links to the rooms it may include, and to no others.
# Usage: rooms.sh SOURCE_ROOT OUTPUT. Order is the layering: a room sees itself and what stands before it.
set -eu
src=$1
out=$2
rm -rf "$out"

room() { # room NAME MAY_INCLUDE...
    name=$1
    shift
    mkdir -p "$out/$name"
    ln -s "$src/config" "$out/$name/config"
    for r in "$name" "$@"; do
        case $r in
        drivers) ln -s "$src/drivers" "$out/$name/drivers" ;;
        *) ln -s "$src/lib/$r" "$out/$name/$r" ;;
        esac
    done
}

room base
room wire base
room pkt base wire
room drivers base wire pkt
room flow base wire pkt
room net base wire pkt flow
room udp base wire pkt flow net
room tcp base wire pkt flow net
room core base wire pkt flow net udp tcp
room sock base wire pkt flow net udp tcp core drivers spate
room svc base wire pkt flow net udp tcp core drivers sock spate
room packetdrill base wire pkt flow net udp tcp core drivers sock spate
room client
room preload client
# Clients of a service have no DPDK: they see what they share with it, and nothing else of spate.
for r in client preload; do
    mkdir "$out/$r/svc"
    ln -s "$src/lib/svc/layout.h" "$out/$r/svc/layout.h"
done
mkdir -p "$out/public" "$out/all"
ln -s "$src/lib/spate" "$out/public/spate"
for r in base wire pkt flow net udp tcp core sock svc client preload spate packetdrill; do ln -s "$src/lib/$r" "$out/all/$r"; done
ln -s "$src/drivers" "$out/all/drivers"
ln -s "$src/config" "$out/all/config"
