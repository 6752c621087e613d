#!/usr/bin/env python3
"""Checks the rows of docs/sockets.md: every situation of connect() is either named by a test, or the page says why not.

The page lists them under "## Rows": lines "| A1-A7, A9 | who shows it |". With `tests/...` in the second cell a file there must name
the row; without one the cell is the reason why there is none. A test names a row in a comment or string (A5; F11 to F38) or in its
name (a5_..., c3_c4_..., f11_to_f38_...). rows.py [ROOT]; says what is wrong and exits 1.
"""
import glob
import os
import re
import sys

# How many rows each section of the connect semantics has.
SECTIONS = {"A": 25, "B": 29, "C": 30, "D": 18, "E": 14, "F": 50, "G": 24, "H": 23, "I": 19, "J": 8, "K": 23, "L": 8}
ROW = r"([A-L])(\d{1,2})"
RANGE = re.compile(rf"\b{ROW}(?: to |-){ROW}\b")
SINGLE = re.compile(rf"\b{ROW}\b")
NAME = re.compile(r"(?<![A-Za-z0-9_])((?:[a-l]\d{1,2}_(?:to_)?)+)")


def expand(letter, first, last):
    return {f"{letter}{i}" for i in range(int(first), int(last) + 1)}


def rows_in(text):
    rows = {letter + number for letter, number in SINGLE.findall(text)}
    for a, first, b, last in RANGE.findall(text):
        if a == b:
            rows |= expand(a, first, last)
    return rows


def named_by(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    rows = set()
    for quoted in re.findall(r"/\*.*?\*/|\"[^\"\n]*\"|#.*", text, re.S):
        rows |= rows_in(quoted)
    for name in NAME.findall(text):
        parts = re.sub(r"_to_", "-", name.upper().replace("_TO_", "-")).strip("_").replace("_", ", ")
        rows |= rows_in(parts)
    return rows


def listed(path):
    """Pairs (rows of a line, its second cell)."""
    inside = False
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("## "):
                inside = line.strip() == "## Rows"
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if inside and len(cells) == 2 and re.match(ROW, cells[0]):
                yield rows_in(cells[0]), cells[1]


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), ".."))
    wanted = set().union(*(expand(letter, 1, n) for letter, n in SECTIONS.items()))
    seen, shown, wrong = set(), 0, []
    for rows, cell in listed("docs/sockets.md"):
        wrong += [f"{row} is listed twice" for row in sorted(rows & seen)]
        seen |= rows
        patterns = re.findall(r"`(tests/[^`]+)`", cell)
        found = [path for pattern in patterns for path in glob.glob(pattern)]
        wrong += [f"there is no {pattern}" for pattern in patterns if not glob.glob(pattern)]
        if patterns:
            named = set().union(*map(named_by, found)) if found else set()
            wrong += [f"{row} is named by none of {', '.join(patterns)}" for row in sorted(rows - named)]
            shown += len(rows & named)
    wrong += [f"{row} is not listed" for row in sorted(wanted - seen)] + [f"there is no row {row}" for row in sorted(seen - wanted)]
    for what in wrong:
        print(f"docs/sockets.md: {what}")
    print(f"{len(wanted)} rows, {shown} shown by tests, {len(seen & wanted) - shown} with a reason, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
