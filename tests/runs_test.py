#!/usr/bin/env python3
"""Whole training runs of configs/tiny/memory_cpu.yaml through the program, over MPI ranks: any mesh trains alike, and a
run that was killed, stopped or moved to other rank counts is the run that nobody disturbed; and it takes the memory
that was planned.

    runs_test.py --mneme build/cpu/mneme [NAME...]
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-4  # of a loss, relative: f32 sums in another order, over some tens of steps; docs/numerics.md
# A smaller pool and gentler rates than the configuration's, with which rounding grows sooner: on other rank counts a loss
# after 60 steps differs there by 4e-4.
SMALL = ["train.steps=60", "train.batch=8", "train.sequence=128", "checkpoint.every=20", "report.validate_every=0",
         "checkpoint.keep.keep_last=9", "optimizer.schedule.warmup=120", "optimizer.lr=3e-3",
         "optimizer.memory_values.lr=8e-3", "optimizer.memory_values.schedule=follow", "model.memory.half_keys=128",
         "model.memory.top_k=16", "model.memory.layers=[1,3,5]"]


class Runs:
    """Trains in a folder that holds a corpus where configs/tiny looks for it."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        shutil.copytree(ROOT / "configs", folder / "configs")
        corpus = "work/quickstart"
        self.call("prep", "facts", "--output", f"{corpus}/facts", "--people", 300, "--unknown-people", 10)
        self.call("tokenizer", "train", f"{corpus}/facts/facts.jsonl", "--output", f"{corpus}/tokenizer.model",
                  "--vocab-size", 512)
        for name, more in (("facts", []), ("dictionary", ["--validation", 0.1])):
            self.call("prep", "text", f"{corpus}/facts/facts.jsonl", "--output", f"{corpus}/{name}.h5", "--tokenizer",
                      f"{corpus}/tokenizer.model", *more)

    def call(self, *arguments):
        subprocess.run([self.program, *map(str, arguments)], cwd=self.folder, check=True, capture_output=True, timeout=120)

    def start(self, name, ranks, sets):
        """The process of a training on so many ranks, in a process group of its own."""
        command = [str(ROOT / "launch/mpirun.sh"), "-n", str(ranks), self.program, "train", "configs/tiny/memory_cpu.yaml"]
        for s in [f"name={name}", "report.log_every=1", "report.tensorboard=false", *sets]:
            command += ["--set", s]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                errors="replace", start_new_session=True)

    def train(self, name, ranks, sets, status=0):
        process = self.start(name, ranks, sets)
        output = process.communicate(timeout=600)[0]
        assert process.returncode == status, f"status {process.returncode}, wanted {status}\n{output}"
        return output

    def run_folder(self, name):
        return self.folder / "runs" / name

    def steps(self, name):
        return steps_of(self.run_folder(name))

    def checkpoint(self, name, step):
        return self.run_folder(name) / "checkpoints" / f"step_{step:06}"


def steps_of(run):
    """{step: its record} of a run's metrics, the last where a step was done twice."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return {line["step"]: line for line in lines if line["kind"] == "step"}


def largest_difference(a, b, steps):
    """(largest relative difference of the losses, its step)."""
    return max((abs(a[s]["loss"] - b[s]["loss"]) / abs(a[s]["loss"]), s) for s in steps)


def same_files(a, b):
    """h5diff of all files of two checkpoints."""
    names = sorted(p.name for p in a.glob("*.h5"))
    assert names and names == sorted(p.name for p in b.glob("*.h5")), names
    for name in names:
        done = subprocess.run(["h5diff", str(a / name), str(b / name)], capture_output=True, text=True)
        assert done.returncode == 0 and not done.stdout.strip(), f"{name}\n{done.stdout}{done.stderr}"
    return len(names)


def test_any_memory_axis_trains_alike(r):
    sets = ["train.steps=60", "train.stop_at_step=20", "optimizer.pool_update=dense", "report.validate_every=0"]
    losses = {}
    for ranks in (1, 2, 4):
        r.train(f"memory{ranks}", ranks, [*sets, f"mesh.memory={ranks}"], status=75)
        losses[ranks] = r.steps(f"memory{ranks}")
        assert sorted(losses[ranks]) == list(range(1, 21))
    for ranks in (2, 4):
        worst, step = largest_difference(losses[1], losses[ranks], range(1, 21))
        print(f"  memory axis {ranks} against 1: losses of 20 steps differ by {worst:.1e} at most (step {step})")
        assert 0 < worst <= TOLERANCE, worst


def test_killed_and_stopped_is_undisturbed(r):
    r.train("whole", 2, SMALL)
    parts = f"parts{os.getpid()}"  # a name that no other process has on its command line
    job = r.start(parts, 2, SMALL)
    deadline = time.monotonic() + 300
    while not r.checkpoint(parts, 20).exists():
        assert time.monotonic() < deadline and job.poll() is None, "no checkpoint of step 20"
        time.sleep(0.02)
    os.killpg(job.pid, signal.SIGKILL)
    subprocess.run(["pkill", "-KILL", "-f", f"name={parts}"], check=False)
    job.wait(timeout=60)
    killed_at = max(r.steps(parts))
    assert killed_at < 60, "the run ended before it could be killed"
    r.train(parts, 2, [*SMALL, "train.stop_at_step=40"], status=75)
    r.train(parts, 2, SMALL)
    files = same_files(r.checkpoint("whole", 60), r.checkpoint(parts, 60))
    a, b = r.steps("whole"), r.steps(parts)
    assert all(a[s]["loss"] == b[s]["loss"] and a[s]["ids_hash"] == b[s]["ids_hash"] for s in range(1, 61))
    print(f"  killed after step {killed_at}, stopped at 40: h5diff finds nothing in {files} files, 60 losses are equal")


def test_moved_to_other_rank_counts(r):
    if not r.run_folder("whole").exists():
        r.train("whole", 2, SMALL)
    for ranks, stop in ((2, 20), (4, 40), (1, 60)):
        r.train("moved", ranks, [*SMALL, f"train.stop_at_step={stop}"], status=75 if stop < 60 else 0)
    a, b = r.steps("whole"), r.steps("moved")
    assert all(a[s]["ids_hash"] == b[s]["ids_hash"] for s in range(1, 61)), "other tokens were read"
    worst, step = largest_difference(a, b, range(1, 61))
    print(f"  2, 4, then 1 rank: the same tokens, losses differ by {worst:.1e} at most (step {step})")
    assert 0 < worst <= TOLERANCE, worst


def test_memory_is_what_was_planned(r):
    r.train("large", 1, ["train.steps=2", "train.batch=2", "report.validate_every=0", "model.memory.half_keys=640"])
    shutil.rmtree(r.run_folder("large") / "checkpoints")
    summary = json.loads((r.run_folder("large") / "summary.json").read_text(encoding="utf-8"))
    planned, taken = summary["planned_bytes"], summary["peak_bytes"] - summary["before_bytes"]
    print(f"  planned {planned / 1e6:.1f} MB, the process took {taken / 1e6:.1f} MB: {taken / planned - 1:+.2%}")
    assert planned > 500e6 and abs(taken - planned) <= 0.05 * planned


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mneme", required=True)
    parser.add_argument("names", nargs="*", help="run only tests whose name has one of these in it")
    options = parser.parse_args()
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="mneme_runs_") as folder:
        runs = Runs(str(Path(options.mneme).resolve()), Path(folder))
        for name, test in list(globals().items()):
            if not name.startswith("test_") or (options.names and not any(n in name for n in options.names)):
                continue
            try:
                test(runs)
                passed += 1
                print(f"ok      {name[5:]}")
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"FAILED  {name[5:]}\n{traceback.format_exc()}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
