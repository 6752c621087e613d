#!/usr/bin/env python3
"""Judges line coverage: coverage.py BUILD_DIR [-l] reads what the tests of a build with -Db_coverage=true left there.

Prints the files below their bar, then one line per room, and fails when a room (or lib/ as a whole) is below its bar.
With -l every file that lacks lines is listed, with their numbers.
"""
import collections
import json
import os
import subprocess
import sys

ALL_BAR = 90.0
ROOM_BARS = {"lib/tcp": 95.0, "lib/net": 95.0, "lib/wire": 95.0}


def gcovr(build):
    """What gcovr found, as its JSON."""
    command = ["gcovr", "--root", ".", "--object-directory", build, "--json", "-", build]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE)
    except FileNotFoundError:
        sys.exit("coverage.py: gcovr is not installed; run: tests/deps.sh test")
    if done.returncode != 0:
        sys.exit(f"coverage.py: gcovr failed in {build}")
    return json.loads(done.stdout)


def counts_by_file(found):
    """{file: {line: how often it ran}} of lib/. A header is reached by the links of several rooms: it counts once."""
    files = collections.defaultdict(collections.Counter)
    for entry in found["files"]:
        name = os.path.relpath(os.path.realpath(entry["file"]))
        if name.startswith("lib/"):
            for line in entry["lines"]:
                if not line.get("gcovr/noncode"):
                    files[name][line["line_number"]] += line["count"]
    return files


def percent(covered, total):
    return 100.0 * covered / total


def main():
    listing = sys.argv[2:] == ["-l"]
    if len(sys.argv) != 2 + listing:
        sys.exit("usage: coverage.py BUILD_DIR [-l]")
    files = counts_by_file(gcovr(sys.argv[1]))
    if not files:
        sys.exit(f"coverage.py: nothing was measured in {sys.argv[1]}: no file of lib/ there")
    rooms = collections.defaultdict(lambda: [0, 0])
    for name, lines in sorted(files.items()):
        covered = sum(1 for n in lines.values() if n > 0)
        room = "/".join(name.split("/")[:2]) if name.count("/") > 1 else "lib"
        for key in {room, "lib"}:
            rooms[key][0] += covered
            rooms[key][1] += len(lines)
        bar = ROOM_BARS.get(room, ALL_BAR)
        low = percent(covered, len(lines)) < bar
        if low or (listing and covered < len(lines)):
            missing = " ".join(str(n) for n, count in sorted(lines.items()) if count == 0) if listing else ""
            under = f", under {bar:.0f}" if low else ""
            print(f"{name:32} {percent(covered, len(lines)):5.1f} % of {len(lines):4} lines{under}  {missing}".rstrip())

    bars = {"lib": ALL_BAR, **ROOM_BARS}
    low = [r for r in sorted(bars) if percent(*rooms.get(r, (0, 1))) < bars[r]]
    for room, (covered, total) in sorted(rooms.items()):
        bar = f"   at least {bars[room]:.0f}" if room in bars else ""
        print(f"{room:20} {percent(covered, total):5.1f} % of {total:5} lines{bar}")
    if low:
        sys.exit("coverage.py: too few lines are run by the tests in " + ", ".join(
            f"{r} ({percent(*rooms.get(r, (0, 1))):.1f} %, at least {bars[r]:.0f} %)" for r in low))


main()
