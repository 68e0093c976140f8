#!/usr/bin/env python3
"""tools/test_count.py loses no failure and counts no test twice."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import test_count  # noqa: E402  (found through the line above)

RAN = "[ RUN      ] A.b\n[       OK ] A.b (0 ms)\n[ RUN      ] A.c\n[  SKIPPED ] A.c (0 ms)\n[       OK ] P/A.d/0 (1 ms)\n"
BROKE = "[  FAILED  ] A.b (0 ms)\n[       OK ] A.c (0 ms)\n[  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.b\n"
CASES = [
    ("each case of a program", ("run", RAN), [2, 0, 1]),
    ("the same cases on two ranks", ("run", RAN + RAN), [2, 0, 1]),
    ("a failed case, listed again at the end", ("fail", BROKE), [1, 1, 0]),
    ("a case that fails on one rank only", ("fail", RAN + BROKE), [1, 1, 1]),
    ("a crash after good cases", ("fail", RAN), [2, 1, 1]),
    ("a time-out before any output", ("fail", ""), [0, 1, 0]),
    ("a script that counts", ("run", "x\n7 passed, 0 failed, 2 skipped\n"), [7, 0, 2]),
    ("a script that fails without counting it", ("fail", "7 passed, 0 failed, 2 skipped\n"), [7, 1, 2]),
    ("a plain program", ("run", "done\n"), [1, 0, 0]),
    ("a program that was not built", ("notrun", ""), [0, 0, 1]),
]


def main():
    failed = 0
    for name, (status, output), wanted in CASES:
        found = test_count.count_entry(status, output)
        if found != wanted:
            failed += 1
            print(f"FAILED {name}: {found}, wanted {wanted} (passed, failed, skipped)")
    print(f"{len(CASES) - failed} passed, {failed} failed, 0 skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
