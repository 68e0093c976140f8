#!/usr/bin/env python3
"""`mneme doctor` from outside: each line has its verdict, and what is wrong is found.

    doctor_test.py --mneme build/cpu/mneme [NAME...]
"""
import os
import re
import subprocess
import sys
import time

import cli_test
from cli_test import ROOT

TOPICS = ["program", "ranks", "machine", "processors", "memory", "kernels", "libraries", "disk", "bandwidth", "matmul"]
VERDICT = re.compile(r"  (ok|(warning|problem): .+)$")


def lines_of(text):
    """{topic: line} of the doctor's lines, each of which must end in a verdict."""
    lines = {line.split()[0]: line for line in text.splitlines() if line}
    for line in lines.values():
        assert VERDICT.search(line), line
    return lines


def under_mpirun(m, ranks, *arguments, status=0, flags=""):
    done = subprocess.run([str(ROOT / "launch/mpirun.sh"), "-n", str(ranks), "--mpirun", flags, m.program, "doctor", *arguments],
                          cwd=m.folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return lines_of(done.stdout)


def number(line, unit):
    return float(re.search(rf"([0-9.]+) {unit}", line)[1])


def test_one_rank(m):
    started = time.monotonic()
    lines = lines_of(m.out("doctor"))
    assert time.monotonic() - started < 15
    assert list(lines) == TOPICS, list(lines)
    assert all("problem" not in line for line in lines.values()), lines
    assert "1, not started by mpirun" in lines["ranks"] and "MPI" in lines["ranks"], lines["ranks"]
    assert str(m.folder) in lines["disk"] and not list(m.folder.iterdir()), (lines["disk"], list(m.folder.iterdir()))
    assert 0.05 < number(lines["matmul"], "GFLOP/s") < 1e5 and 0.05 < number(lines["bandwidth"], "GB/s") < 1e4, lines
    assert "yaml-cpp" in lines["libraries"] and "GNU" in lines["program"] or "Clang" in lines["program"], lines


def test_matmul_is_of_these_processors(m):
    """More threads than processors are no faster, and told of."""
    first = min(os.sched_getaffinity(0))
    done = m.run("doctor", "--threads", 2, preexec_fn=lambda: os.sched_setaffinity(0, {first}))
    lines = lines_of(done.stdout.decode())
    assert f"1 may be used ({first})" in lines["processors"], lines["processors"]
    assert "warning:" in lines["processors"] and "2 threads for 1 processor:" in lines["processors"], lines["processors"]
    alone = m.run("doctor", "--threads", 1, preexec_fn=lambda: os.sched_setaffinity(0, {first}))
    lines = lines_of(alone.stdout.decode())
    assert lines["processors"].endswith("  ok") and "1 rank x 1 thread" in lines["processors"], lines["processors"]


def test_what_cannot_be_written_is_a_problem(m):
    text = m.run("doctor", "--output", "/proc/nosuch", status=5).stdout.decode()
    assert "problem: cannot create /proc/" in lines_of(text)["disk"], text
    m.write("a_file", "not a folder")
    text = m.run("doctor", "--output", "a_file", status=5).stdout.decode()
    assert "problem: " in lines_of(text)["disk"], text


def test_ranks(m):
    lines = under_mpirun(m, 2)
    assert list(lines) == TOPICS + ["exchange"], list(lines)
    assert "2 on 1 machine, started by mpirun" in lines["ranks"], lines["ranks"]
    assert "shared by 2 ranks, not pinned" in lines["processors"], lines["processors"]
    assert number(lines["exchange"], "GB/s") > 0.001, lines["exchange"]
    assert not list(m.folder.iterdir())
    processors = len(os.sched_getaffinity(0))
    lines = under_mpirun(m, processors + 1)
    assert f"{processors + 1} threads for {processors} processors: start at most {processors} ranks" in lines["processors"], lines
    lines = under_mpirun(m, 2, "--output", "/proc/nosuch", status=5)
    assert "problem: " in lines["disk"], lines


def test_pinned_ranks(m):
    wanted = "1 of 2 are rank 0's alone" if len(os.sched_getaffinity(0)) > 1 else "1 shared by 2 ranks"
    lines = under_mpirun(m, 2, flags="--bind-to hwthread")
    assert wanted in lines["processors"], lines["processors"]


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(cli_test.main(globals(), __doc__))
