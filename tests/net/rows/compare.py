#!/usr/bin/env python3
"""Compares what the rows of the differential test said on the kernel and under spate, and both with the table.

    compare.py KERNEL WANT            the kernel does what the table says, and every row of the table is there
    compare.py KERNEL WANT SPATE      and spate says the same, but for what decided.txt has

KERNEL and SPATE: what connect-rows printed; WANT: what its --want wrote. decided.txt: ROW KEY WHAT-SPATE-SAYS WHY; not_run.txt:
ROW WHY. A row with /6 is the same over IPv6; what either file says of a row without it holds for both. The last line is
"rows covered N, equal N, different by decision N", and the exit code 1 if anything else differs.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SECTIONS = {"A": 25, "B": 29, "C": 30, "D": 18, "E": 14, "F": 50, "G": 24, "H": 23, "I": 19, "J": 8, "K": 23, "L": 8}
TABLE = [f"{section}{n}" for section, last in SECTIONS.items() for n in range(1, last + 1)]

wrong = []


def complain(text):
    wrong.append(text)
    print("WRONG", text)


def facts(path):
    """Each row's keys and what they say, in order."""
    rows = {}
    for line in open(path, encoding="utf-8"):
        name, *pairs = line.split()
        if name in rows:
            complain(f"{name} was said twice in {path}")
        rows[name] = dict(pair.split("=", 1) for pair in pairs)
    return rows


def table_row(name):
    """H14-mtu/6 is of row H14."""
    return re.match(r"[A-Z]\d+", name).group()


def lines(name):
    for line in open(os.path.join(HERE, name), encoding="utf-8"):
        if line.strip() and not line.startswith("#"):
            yield line.split()


def check_table(kernel, want):
    """The kernel did what the table says, in every row."""
    for name, said in want.items():
        for key, value in said.items():
            if (seen := kernel.get(name, {}).get(key)) != value:
                complain(f"{name} {key}: the table says {value}, the kernel {seen}")
    for name in kernel:
        if name not in want:
            complain(f"{name} expects nothing")


def check_covered(kernel):
    covered = {table_row(name) for name in kernel}
    left_out = {}
    for row, *why in lines("not_run.txt"):
        left_out[row] = " ".join(why)
        if row not in TABLE or not why:
            complain(f"not_run.txt: {row} is no row, or has no reason")
        if row in covered and why[0] != "long:":
            complain(f"not_run.txt: {row} is run")
    for row in TABLE:
        if row not in covered and row not in left_out:
            complain(f"{row} is neither run nor in not_run.txt")
    for row in covered - set(TABLE):
        complain(f"{row} is no row of the table")
    for row, why in left_out.items():
        if row not in covered:
            print(f"not run: {row}: {why}")
    return covered


class Decided:
    """The differences that are meant."""

    def __init__(self):
        self.said = {}
        for row, key, value, *why in lines("decided.txt"):
            self.said[row, key] = (value, " ".join(why))
            if not why:
                complain(f"decided.txt: {row} {key} has no reason")
        self.used = {}

    def has(self, name, key, spate):
        for row in (name, name.removesuffix("/6")):
            value, why = self.said.get((row, key), (None, None))
            if value is not None and value == spate:
                self.used[name, key] = why
                return True
        return False

    def report(self, kernel, spate):
        for (name, key), why in self.used.items():
            print(f"decided: {name} {key}: Linux {kernel[name].get(key, 'nothing')}, spate {spate[name].get(key, 'nothing')}: {why}")
        for row, key in self.said:
            if not any(name.removesuffix("/6") in (row, row.removesuffix("/6")) and k == key for name, k in self.used):
                complain(f"decided.txt: {row} {key} does not differ")


def compare(kernel, spate, decided):
    """The rows of the table that say the same in all their lines."""
    differing = set()
    for name, said in kernel.items():
        other = spate.get(name)
        if other is None or "does-not-end" in other:
            complain(f"{name} {'is missing' if other is None else 'does not end, ' + other['does-not-end']} under spate")
            differing.add(table_row(name))
            continue
        for key in list(said) + [k for k in other if k not in said]:
            if said.get(key) == other.get(key):
                continue
            differing.add(table_row(name))
            if not decided.has(name, key, other.get(key, "nothing")):
                complain(f"{name} {key}: Linux {said.get(key, 'nothing')}, spate {other.get(key, 'nothing')}")
    for name in spate:
        if name not in kernel:
            complain(f"{name} is missing on the kernel")
    return differing


def main():
    kernel, want = facts(sys.argv[1]), facts(sys.argv[2])
    check_table(kernel, want)
    covered = check_covered(kernel)
    if len(sys.argv) > 3:
        spate, decided = facts(sys.argv[3]), Decided()
        differing = compare(kernel, spate, decided)
        decided.report(kernel, spate)
        meant = {table_row(name) for name, _ in decided.used}
        print(f"rows covered {len(covered)}, equal {len(covered - differing)}, different by decision {len(differing & meant)}")
    else:
        print(f"rows covered {len(covered)} of {len(TABLE)}, on the kernel alone")
    sys.exit(1 if wrong else 0)


main()
