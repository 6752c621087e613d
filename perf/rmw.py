#!/usr/bin/env python3
"""rmw.py: joins what callgrind counted per instruction with the disassembly, and lists executed atomic read-modify-writes
(lock prefix, or xchg with memory). Two runs that differ only in how much they did tell start-up and per-packet work apart.
usage: rmw.py SHORT.out LONG.out CONNECTIONS_MORE PACKETS_MORE"""
import collections
import re
import subprocess
import sys


def executed(path):
    """{(object, address): executions} of one callgrind file (--dump-instr=yes, nothing compressed)."""
    counts = collections.Counter()
    obj, skip = None, False
    for line in open(path, encoding="utf-8", errors="replace"):
        if line.startswith("ob="):
            obj = line[3:].strip()
        elif line.startswith("calls="):
            skip = True  # the next line is what the callee cost
        elif line.startswith("0x"):
            if not skip:
                addr, *_, cost = line.split()
                counts[obj, int(addr, 16)] += int(cost)
            skip = False
    return counts


ATOMIC = re.compile(r"^\s*([0-9a-f]+):\s+(lock\b.*|xchg\s.*\(.*)$")
C_LIBRARY = re.compile(r"(libc|ld-linux-x86-64)\.so")
SYMBOL = re.compile(r"^[0-9a-f]+ <(.*)>:$")


def atomics(obj):
    """[(address, function, instruction)] of one object file."""
    found, name = [], "?"
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", obj], capture_output=True, text=True, check=False).stdout
    for line in text.splitlines():
        if sym := SYMBOL.match(line):
            name = sym.group(1)
        elif hit := ATOMIC.match(line):
            found.append((int(hit.group(1), 16), name, " ".join(hit.group(2).split())))
    return found


def main():
    short, long = executed(sys.argv[1]), executed(sys.argv[2])
    connections, packets = int(sys.argv[3]), int(sys.argv[4])
    objects = sorted({o for o, _ in long if o and o.startswith("/")})
    rows, known, ran = [], 0, 0
    for obj in objects:
        for addr, name, text in atomics(obj):
            known += 1
            before, after = short[obj, addr], long[obj, addr]
            ran += after > 0
            if after - before > 0:
                rows.append((after - before, obj.rsplit("/", 1)[-1], name, text, after))
    print(f"{known} atomic read-modify-writes in {len(objects)} objects; {ran} of them were executed at all")
    print(f"between the runs: {connections} connections, {packets} packets, "
          f"{sum(long.values()) - sum(short.values())} instructions")
    print(f"{'more':>8} {'/packet':>9}  where")
    for more, obj, name, text, after in sorted(rows, reverse=True):
        print(f"{more:8} {more / packets:9.5f}  {obj} {name}: {text} ({after} in all)")
    total = sum(r[0] for r in rows if not C_LIBRARY.match(r[1]))
    print(f"{total:8} {total / packets:9.5f}  outside the C library, whose locks are those of the progress line, ten times a second")
    return 1 if total / packets > 0.01 else 0


sys.exit(main())
