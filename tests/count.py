#!/usr/bin/env python3
"""Counts what a meson test run did: count.py LOG.json prints PASSED FAILED SKIPPED PROGRAMS, then a line for each thing that the
programs counted themselves ("N state rules", "N seeds"), and for each program that failed ("FAILED NAME").

A cmocka program counts once per test function, another program once (its last line of output is shown on stderr).
A program that failed counts at least one failure, whatever it printed; a log that is missing or empty is one failure:
nothing ran.
"""
import json
import re
import sys

RAN = re.compile(r"\[=+\] (?:.*: )?(\d+) test\(s\) run")
PASSED = re.compile(r"\[  PASSED  \] (?:.*: )?(\d+) test\(s\)")
FAILED = re.compile(r"\[  FAILED  \] (?:.*: )?(\d+) test\(s\)")
FACT = re.compile(r"\b(\d+) (state rules|seeds)\b")
SKIPPED = re.compile(r"\[  SKIPPED \] (?:.*: )?(\d+) test\(s\)")


def total(pattern, text):
    return sum(int(n) for n in pattern.findall(text))


def count(record):
    """(passed, failed, skipped) of one program."""
    result = record["result"]
    if result == "SKIP":
        return 0, 0, 1
    good = result in ("OK", "EXPECTEDFAIL")
    text = record.get("stdout", "") + record.get("stderr", "")
    if not RAN.search(text):
        return int(good), int(not good), 0
    failed = total(FAILED, text)
    if not good:
        failed = max(failed, 1)
    return total(PASSED, text), failed, total(SKIPPED, text)


def main():
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
            records = [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        records = []
    if not records:
        print(0, 1, 0, 0)
        return
    for record in records:
        if not RAN.search(record.get("stdout", "")) and record.get("stdout", "").strip():
            print(record["stdout"].strip().splitlines()[-1], file=sys.stderr)
    counts = [count(record) for record in records]
    print(*map(sum, zip(*counts)), len(records))
    facts = {}
    for record in records:
        for n, what in FACT.findall(record.get("stdout", "")):
            facts[what] = facts.get(what, 0) + int(n)
    for what, n in facts.items():
        print(n, what)
    for record, (_, failed, _) in zip(records, counts):
        if failed:
            print("FAILED", record["name"])


main()
