#!/usr/bin/env python3
"""Checks docs/standards.md: the files of every row exist, and one of its tests names each of its standards.

standards.py [ROOT]; says what is wrong and exits 1.
"""
import glob
import os
import re
import sys

PROGRAMS = {"sim": "tests/sim/main.c", "cc": "tests/cc/main.c", "spate-flood": "tests/sim/flood.c"}
CELL = re.compile(r"`([^`]+)`")


def test_file(name):
    if name in PROGRAMS:
        return PROGRAMS[name]
    return f"tests/net/{name}" if name.endswith(".sh") else f"tests/unit/{name}_test.c"


def read(paths):
    text = ""
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text += f.read()
    return text


def row_wrong(folder, cells):
    standard, _, code, tests = cells
    sources = [name if "/" in name else folder + name for name in CELL.findall(code)]
    names = [test_file(name) for name in CELL.findall(tests)]
    if not sources or not names:
        yield "names no file, or no test"
    found = [path for name in names for path in glob.glob(name)]
    for name in sources + names:
        if not glob.glob(name):
            yield f"there is no {name}"
    text = read(found)
    for number in re.findall(r"\d{3,5}", standard):
        if not re.search(rf"\b{number}\b", text):
            yield f"none of its tests says {number}"


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), ".."))
    folder, rows, wrong = "", 0, 0
    with open("docs/standards.md", encoding="utf-8") as f:
        for line in f:
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if len(cells) == 4 and "implemented in" in cells[2]:
                folder = CELL.search(cells[2]).group(1)
            elif len(cells) == 4 and not cells[0].startswith("---"):
                rows += 1
                for what in row_wrong(folder, cells):
                    print(f"docs/standards.md: {cells[0]}: {what}")
                    wrong += 1
    if rows == 0:
        print("docs/standards.md: no rows")
    print(f"{rows} standards, {wrong} wrong")
    return 0 if rows > 0 and wrong == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
