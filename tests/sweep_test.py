#!/usr/bin/env python3
"""`mneme sweep` from outside: a study runs once, whatever kills it half-way, alone or over ranks.

    sweep_test.py --mneme build/cpu/mneme [NAME...]
"""
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import cli_test
from cli_test import ROOT, TEXT, wait_for

BASE = """name: base
model: {channels: 32, blocks: 2, heads: 2, ffn_hidden: 64, ffn: memory_plus, memory: {heads: 2, top_k: 4, half_keys: 8, layers: [1]}}
data:
  train: [{name: text, files: [a.h5]}]
  validation: [{name: held, files: [a.h5], max_samples: 4}]
  probes: facts/probes.jsonl
train: {sequence: 64, batch: 8}
optimizer: {lr: 3e-3, schedule: {warmup: 4}}
report: {log_every: 10, use_every: 10, tensorboard: false}
checkpoint: {every: 10}
runtime: {threads: 1}
"""
STUDY = """name: rows
base: base.yaml
set: {train.steps: 120}
list:
  - {name: dense, set: {model.ffn: dense}}
grid:
  model.memory.half_keys: [8, 16, 32]
"""
MEMBERS = ["dense", "half_keys=8", "half_keys=16", "half_keys=32"]
MEASURED = ("wall_seconds", "tokens_per_second", "peak_bytes")
LAUNCH = [str(ROOT / "launch/mpirun.sh"), "-n"]


def prepare(m, study=STUDY, **changes):
    """A corpus of facts and a study, whose text is changed as said."""
    m.write("text/a.txt", TEXT)
    m.run("prep", "facts", "--output", "facts", "--people", 6, "--exposures", "1,2", "--unknown-people", 2, "--attributes", 2)
    m.run("prep", "text", "text", "facts/facts.jsonl", "--documents", "paragraph", "--output", "a.h5")
    m.write("base.yaml", BASE)
    m.write("study.yaml", study.format(**changes) if changes else study)


def table(folder):
    """results.csv without what is measured: {member: {column: text}}."""
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["member"]: {k: v for k, v in row.items() if k not in MEASURED} for row in rows}


def start(m, *arguments, ranks=0):
    command = [*(LAUNCH + [str(ranks)] if ranks else []), m.program, "sweep", *arguments]
    return subprocess.Popen(command, cwd=m.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def finish(job, status):
    text = job.communicate(timeout=120)[0].decode()
    assert job.returncode == status, f"status {job.returncode}, wanted {status}\n{text}"
    return text


def traces(folder):
    """What tells whether a run was touched: its files with their times and i-nodes."""
    return {p.relative_to(folder): (p.stat().st_mtime_ns, p.stat().st_ino) for p in folder.rglob("*") if p.is_file()}


def steps_of(folder):
    """The steps in metrics.jsonl, in order."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [r["step"] for r in map(json.loads, lines) if r["kind"] == "step"]


def reference(m):
    """The table of the study without interruption; the runs are moved away."""
    prepare(m)
    assert "half_keys=8 | step 120/120" in (text := m.out("sweep", "study.yaml")) and "% of a large matmul" in text, text
    whole = table(m.folder / "runs/rows")
    assert list(whole) == MEMBERS and all(r["status"] == "finished" for r in whole.values()), whole
    (m.folder / "runs").rename(m.folder / "reference")
    return whole


def test_table_and_names(m):
    whole = reference(m)
    assert [whole[n]["model.memory.half_keys"] for n in MEMBERS] == ["", "8", "16", "32"], whole
    assert [whole[n]["pool_rows"] for n in MEMBERS] == ["0", "64", "256", "1024"], whole
    assert whole["dense"]["model.ffn"] == "dense" and whole["dense"]["rows_in_use"] == "", whole
    for row in whole.values():
        assert row["steps"] == "120" and row["tokens"] == str(120 * 8 * 64) and 0 < float(row["loss.held"]) < 5.6, row
        assert all(0 <= float(row[f"recall.{n}"]) <= 1 for n in (0, 1, 2)), row
    assert 0 < float(whole["half_keys=8"]["rows_in_use"]) <= 1, whole
    assert len({row["loss.held"] for row in whole.values()}) == 4, whole
    run = m.folder / "reference/rows/half_keys=16"
    single = m.out("eval", run, "--set", "data.probes=facts/probes.jsonl")
    assert f"loss {float(whole['half_keys=16']['loss.held']):.4f}" in single, single


def test_killed_and_started_again(m):
    whole = reference(m)
    runs = m.folder / "runs/rows"
    job = start(m, "study.yaml")
    wait_for(runs / "half_keys=8/checkpoints/step_000030", job)
    job.kill()
    job.wait()
    assert (runs / "dense/summary.json").exists() and not (runs / "half_keys=16").exists()
    assert not (runs / "half_keys=8/summary.json").exists(), "killed too late: the run had ended"
    before = traces(runs / "dense")
    text = m.out("sweep", "study.yaml")
    assert "there already: dense (finished, 120 steps)" in text and "there already: half_keys" not in text, text
    assert "to go on: half_keys=8 (at step" in text and "half_keys=8 | going on after step" in text, text
    assert traces(runs / "dense") == before, "a finished run was touched"
    assert all(steps_of(runs / name) == list(range(1, 121)) for name in MEMBERS)
    assert table(runs) == whole, (table(runs), whole)
    before = traces(runs)
    text = m.out("sweep", "study.yaml")
    assert text.count("there already: ") == 4 and " | step" not in text, text
    del before[next(p for p in before if p.name == "results.csv")]
    after = traces(runs)
    assert {p: after[p] for p in before} == before, "a second sweep touched a run"


def test_asked_to_stop(m):
    whole = reference(m)
    runs = m.folder / "runs/rows"
    for number, name in ((signal.SIGTERM, "half_keys=8"), (signal.SIGINT, "half_keys=16"), (signal.SIGUSR2, "half_keys=32")):
        job = start(m, "study.yaml")
        wait_for(runs / name / "checkpoints/step_000020", job)
        job.send_signal(number)
        text = finish(job, 75)
        steps = steps_of(runs / name)
        assert 20 <= len(steps) < 120, "the signal came too late"
        assert (runs / f"{name}/checkpoints/step_{len(steps):06}").exists(), text
        assert f"at step {len(steps)} of 120" in text and "interrupted; the same command" in text, text
    assert "not started" not in finish(start(m, "study.yaml"), 0)
    assert all(steps_of(runs / name) == list(range(1, 121)) for name in MEMBERS)
    assert table(runs) == whole, (table(runs), whole)


def test_side_by_side(m):
    whole = reference(m)
    runs = m.folder / "runs/rows"
    job = start(m, "study.yaml", ranks=2)
    for _ in range(3000):
        running = [n for n in MEMBERS if (runs / n / "checkpoints/step_000010").exists() and not (runs / n / "summary.json").exists()]
        if len(running) == 2:
            break
        assert job.poll() is None, job.stdout.read().decode()
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    text = finish(job, 75)
    for name in running:
        steps = len(steps_of(runs / name))
        assert steps < 120 and (runs / f"{name}/checkpoints/step_{steps:06}").exists(), (name, steps, text)
    finish(start(m, "study.yaml", ranks=2), 0)
    assert table(runs) == whole, (table(runs), whole)
    assert all(steps_of(runs / name) == list(range(1, 121)) for name in MEMBERS)


def test_several_ranks_per_run(m):
    prepare(m, STUDY.replace("steps: 120", "steps: 20") + "ranks: 2\n")
    assert "hint: start 4 ranks" in finish(start(m, "study.yaml", ranks=3), 2)
    finish(start(m, "study.yaml", ranks=4), 0)
    side = table(m.folder / "runs/rows")
    shutil.rmtree(m.folder / "runs")
    finish(start(m, "study.yaml", ranks=2), 0)
    assert side == table(m.folder / "runs/rows") and all(r["ranks"] == "2" for r in side.values()), side


def test_a_member_that_fails(m):
    prepare(m, STUDY.replace("model.memory.half_keys: [8, 16, 32]", "optimizer.lr: [1e-3, 1e30, 2e-3]")
            .replace("120", "20, optimizer.weight_decay: 0"))
    for ranks in (0, 2):
        text = finish(start(m, "study.yaml", ranks=ranks), 2)
        rows = table(m.folder / "runs/rows")
        told = {name: row["status"].split(":")[0] for name, row in rows.items()}
        assert told == {"dense": "finished", "lr=0.001": "finished", "lr=1e30": "failed", "lr=0.002": "finished"}, (told, text)
        assert "diverged" in rows["lr=1e30"]["status"], rows
        shutil.rmtree(m.folder / "runs")


def test_dry_run_runs_nothing(m):
    prepare(m)
    lines = m.out("sweep", "study.yaml", "--dry-run").splitlines()
    assert [line.split()[0] for line in lines[1:]] == MEMBERS and all(line.endswith("not started") for line in lines[1:]), lines
    assert lines[4].split()[3] == "1,024" and not (m.folder / "runs").exists(), lines
    m.run("sweep", "study.yaml", "--set", "train.steps=20", "--set", "train.stop_at_step=10", status=75)
    lines = m.out("sweep", "study.yaml", "--dry-run", "--set", "train.steps=20").splitlines()
    assert all(line.endswith("at step 10 of 20") for line in lines[1:]), lines


def test_another_config_is_refused(m):
    prepare(m, STUDY.replace("120", "10"))
    m.run("sweep", "study.yaml")
    before = traces(m.folder / "runs")
    told = m.error("sweep", "study.yaml", "--set", "seed=2")
    assert told.count("seed: 1 -> 2") == 4 and "runs/rows/dense holds a run with other options" in told, told
    m.write("study.yaml", STUDY.replace("120", "20"))
    assert "train.steps: 10 -> 20" in m.error("sweep", "study.yaml", "--dry-run")
    assert traces(m.folder / "runs") == before
    m.write("study.yaml", STUDY.replace("120", "1e1").replace("[8,", "[0.008K,"))  # the same, spelt otherwise
    assert m.out("sweep", "study.yaml").count("there already") == 4


def test_evaluated_later(m):
    prepare(m, STUDY.replace("120", "10"))
    m.run("sweep", "study.yaml")
    runs = m.folder / "runs/rows"
    first = table(runs)
    (runs / "dense/eval.json").unlink()
    before = (runs / "dense/metrics.jsonl").stat().st_mtime_ns
    text = m.out("sweep", "study.yaml")
    assert "there already: dense (finished, 10 steps; to be evaluated)" in text, text
    assert table(runs) == first and (runs / "dense/metrics.jsonl").stat().st_mtime_ns == before


def refused(m, old, new, *arguments):
    assert old in STUDY
    m.write("study.yaml", STUDY.replace(old, new))
    told = m.error("sweep", "study.yaml", *arguments)
    assert not (m.folder / "runs").exists(), told
    return told


def test_mistakes_are_told_before_anything_runs(m):
    prepare(m)
    told = refused(m, "model.memory.half_keys:", "model.memory.half_kyes:")
    assert told == "study.yaml:7: unknown key model.memory.half_kyes, did you mean model.memory.half_keys?\n", told
    told = refused(m, "[8, 16, 32]", "[8, 16, many, 2]")
    assert "study.yaml:7: model.memory.half_keys = many is not allowed" in told, told
    assert "study.yaml:7: model.memory.top_k = 4 is not allowed" in told or "half_keys = 2" in told, told
    assert "study.yaml:3: unknown key train.stepz, did you mean train.steps?" in refused(m, "train.steps", "train.stepz")
    assert "study.yaml:5: unknown key model.fn, did you mean model.ffn?" in refused(m, "model.ffn", "model.fn")
    assert "study.yaml:6: unknown key grids, did you mean grid?" in refused(m, "grid:", "grids:")
    assert "study.yaml:2: base = bse.yaml is not allowed: there is no such file" in refused(m, "base.yaml", "bse.yaml")
    assert "base" in refused(m, "base: base.yaml\n", "")
    assert "study.yaml:7: grid.model.memory.half_keys = [] is not allowed" in refused(m, "[8, 16, 32]", "[]")
    assert "study.yaml:7: grid.model.memory.half_keys = 8" in refused(m, "[8, 16, 32]", "8")
    assert "study.yaml:7: a second member half_keys=8" in refused(m, "[8, 16, 32]", "[8, 16, 0.008K]")
    assert "study.yaml:3: name of a run is given by the study" in refused(m, "train.steps: 120", "name: x")
    assert "study.yaml:1: name = a/b is not allowed" in refused(m, "name: rows", "name: a/b")
    assert "study.yaml:5: list.0.name = .. is not allowed" in refused(m, "name: dense", "name: ..")
    assert "is what this study varies (study.yaml:7)" in refused(m, "rows", "rows", "--set", "model.memory.half_keys=8")
    assert "train.stepz" in refused(m, "rows", "rows", "--set", "train.stepz=8")
    assert "b.h5" in refused(m, "train.steps: 120", "data.train.0.files: [b.h5]")
    told = refused(m, "model.ffn: dense", "data.probes: none.jsonl", "--dry-run")
    assert told.startswith("study.yaml:5: dense: data.probes: there is no file 'none.jsonl'\n  hint: relative paths"), told
    told = refused(m, "train.steps: 120", "data.train.0.files: [a.h5, b.h5], data.validation.0.files: [c.h5]", "--dry-run")
    assert told.splitlines()[:-1] == [f"study.yaml:5: dense and 3 more: data.{key}: there is no file '{file}'" for key, file in
                                      (("train.0.files.1", "b.h5"), ("validation.0.files.0", "c.h5"))], told
    m.error("sweep", "none.yaml")


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(cli_test.main(globals(), __doc__))
