#!/usr/bin/env python3
"""Counts the tests in the JUnit file of one ctest run: test_count.py JUNIT prints "PASSED FAILED SKIPPED".

A ctest entry runs a whole program. Its GoogleTest cases are counted one by one from its output, once per
entry however many ranks ran them; a script that ends in "N passed, N failed, N skipped" counts as it says;
any other entry counts as one test. An entry that failed without naming a failed case (a crash, a time-out)
adds one failure, so no failure can be lost.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

CASE = re.compile(r"\[ *(OK|FAILED|SKIPPED) *\] ([\w/]+\.[\w/]+)")
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


def count_entry(status, output):
    """(passed, failed, skipped) of one ctest entry: its JUnit status and what it printed."""
    worst = {}
    for result, name in CASE.findall(output):
        rank = {"OK": 0, "SKIPPED": 1, "FAILED": 2}[result]
        worst[name] = max(rank, worst.get(name, 0))
    if worst:
        counts = [sum(v == rank for v in worst.values()) for rank in (0, 2, 1)]
    elif SUMMARY.search(output):
        counts = [int(n) for n in SUMMARY.findall(output)[-1]]
    else:
        counts = [int(status == "run"), 0, int(status in ("notrun", "disabled"))]
    if status == "fail" and counts[1] == 0:
        counts[1] = 1
    return counts


def count_junit(path):
    total = [0, 0, 0]
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        counts = count_entry(case.get("status"), case.findtext("system-out") or "")
        total = [a + b for a, b in zip(total, counts)]
    return total


def main():
    print(*count_junit(sys.argv[1]))


if __name__ == "__main__":
    main()
