#!/usr/bin/env bash
# million.sh: an unmodified epoll program that holds a million connections under `spate run`, each asked on the way, and the memory that one
# costs: both ends' stacks, the service's shared memory, the program's own and the kernel's, in a virtual machine of its own (QEMU, emulated;
# the limit of descriptors may be raised there).
#
# Usage: perf/million/million.sh [BUILD] [CONNECTIONS] [MEMORY_MB]      (build, 1000000, 6000)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${1:-build}")
connections=${2:-1000000}
memory=${3:-6000}
dir=$build/vm
guest=$dir/guest
work=$(mktemp -d "${TMPDIR:-/tmp}/spate-million.XXXXXX")
trap 'rm -rf "$work"' EXIT

command -v qemu-system-x86_64 >/dev/null || { echo "million.sh: no qemu-system-x86_64: make deps-test installs it" >&2; exit 2; }
"$here/../../tests/vm/fetch.sh" "$dir" >&2
# A build for the emulated CPU.
[ -f "$guest/build.ninja" ] || meson setup "$guest" "$here/../.." --buildtype=debugoptimized -Dcpu= -Dtests=false >&2
ninja -C "$guest" apps/spate perf/spate-perf-kernel lib/preload/libspate-preload.so >&2
"$here/../../tests/vm/image.sh" "$dir" "$here/init" "$guest/apps/spate" "$guest/perf/spate-perf-kernel" \
    "$guest/lib/preload/libspate-preload.so"
qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" -display none -nodefaults -no-reboot \
    -serial "file:$work/serial" -kernel "$dir/debian/vmlinuz" -initrd "$dir/initramfs" -append "console=ttyS0 quiet panic=-1 \
connections=$connections descriptors=$((connections + 100000)) addresses=10.0.0.10-10.0.0.$((11 + connections / 60000))/16"
python3 - "$work/serial" "$connections" <<'EOF'
import json
import re
import sys

text = open(sys.argv[1], errors="replace").read()
n = int(sys.argv[2])
point = next((json.loads(line) for line in text.splitlines() if line.startswith("{")), {})
before, least = (re.search(rf"^@{word} (\d+)", text, re.M) for word in ("before", "least"))
if point.get("connections") != n or point.get("errors") != 0 or not before or not least:
    print(text[-3000:], file=sys.stderr)
    sys.exit(f"not all of {n} connections were held: {point}")
used = (int(before.group(1)) - int(least.group(1))) * 1024
print(f"{n} connections held, {point['requests_per_second']:.0f} requests/s on them, {used / n:.0f} bytes of memory per connection"
      " (program, service, both stacks, kernel)")
EOF
