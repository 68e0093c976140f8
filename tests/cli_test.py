#!/usr/bin/env python3
"""The command line from outside: what each command prints, and the exit status of each kind of mistake.

    cli_test.py --mneme build/cpu/mneme [NAME...]
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN = """name: tiny
model: {channels: 16, blocks: 2, heads: 2, ffn_hidden: 32, ffn: memory_plus, memory: {heads: 1, top_k: 2, half_keys: 8, layers: [1]}}
data:
  train: [{name: text, files: [a.h5]}]
  validation: [{name: held, files: [a.h5], max_samples: 2}]
train: {steps: 4, sequence: 32, batch: 4}
report: {log_every: 1, tensorboard: false}
checkpoint: {every: 2}
runtime: {threads: 1}
"""
TEXT = "A row is read. Then it is weighed, and rows add up: π ≈ 3.14159.\n\n" * 40


class Skip(Exception):
    """Why a test cannot be done on this machine."""


class Mneme:
    """Runs the program in an empty folder of its own."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, *arguments, status=0, stdin=None, **more):
        """The finished process, whose status must be this one."""
        done = subprocess.run([self.program, *map(str, arguments)], cwd=self.folder, capture_output=True, timeout=120,
                              input=stdin, **more)
        assert done.returncode == status, (
            f"{' '.join(map(str, arguments))}: status {done.returncode}, wanted {status}\n"
            f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
        return done

    def out(self, *arguments, **more):
        return self.run(*arguments, **more).stdout.decode()

    def error(self, *arguments, status=2, **more):
        """What a refused command says."""
        return self.run(*arguments, status=status, **more).stderr.decode()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def tokens(self, *more):
        """A token file of TEXT: 40 paragraphs."""
        self.write("text/a.txt", TEXT)
        self.run("prep", "text", "text", "--documents", "paragraph", "--output", "a.h5", *more)
        return self.folder / "a.h5"


    def trained(self):
        """The folder of a finished run of 4 steps, with checkpoints at 2 and 4."""
        self.tokens()
        self.write("run.yaml", RUN)
        self.run("train", "run.yaml")
        return self.folder / "runs/tiny"


def wait_for(path, job):
    """Until a started process has made this file or folder."""
    for _ in range(3000):
        if path.exists():
            return
        assert job.poll() is None, f"ended before {path}:\n{job.stdout.read().decode() if job.stdout else ''}"
        time.sleep(0.01)
    raise AssertionError(f"no {path} after 30 s")


def commands_of(help_text):
    """The names below 'Subcommands:'."""
    if "Subcommands:" not in help_text:
        return []
    lines = help_text.split("Subcommands:\n", 1)[1].split("\n\n", 1)[0].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]


def test_every_command_has_an_example(m):
    todo, seen = [[]], 0
    while todo:
        command = todo.pop()
        text = m.out(*command, "--help")
        if command:
            seen += 1
            assert "Example: " in text and "mneme " + command[0] in text.split("Example: ", 1)[1], command
        todo += [command + [name] for name in commands_of(text)]
    assert seen >= 8, seen


def test_wrong_command_lines(m):
    assert "ubcommand" in m.error()
    assert "no command 'mneme tran', did you mean train?" in m.error("tran")
    assert "no command 'mneme prep txt', did you mean text?" in m.error("prep", "txt", "--output", "x.h5")
    assert "--fast" in m.error("prep", "text", "x.txt", "--output", "x.h5", "--fast")
    assert "{file,paragraph,line}" in m.error("prep", "text", "x.txt", "--output", "x.h5", "--documents", "page")
    assert "--output" in m.error("prep", "facts")
    for command in ("train", "plan", "sweep"):
        hint = f"mneme {command} has no option --steps; hint: --set train.steps=5\n"
        assert m.error(command, "run.yaml", "--steps", 5) == m.error(command, "--steps=5", "run.yaml") == hint, command
    assert m.error("config", "check", "run.yaml", "--train.stop-at-step", "--x") == (
        "mneme config check has no option --train.stop-at-step; hint: --set train.stop_at_step=...\n")
    assert m.error("train", "run.yaml", "--files", "x") == (
        "mneme train has no option --files; hint: --set KEY=x, KEY one of data.train.0.files, data.validation.0.files\n")
    assert "hint" not in m.error("train", "run.yaml", "--seeds", 2) and "hint" not in m.error("doctor", "--steps", 5)


def test_plan_of_the_published_sizes(m):
    one = m.out("plan", ROOT / "configs/paper/memory_plus_1.3b_64m.yaml", "--ranks", 64)
    assert "138.748B" in one and "on 64 ranks" in one and "memory per rank" in one, one
    names = ["134m", "memory_plus_134m_16m", "memory_plus_1.3b_64m"]
    table = m.out("plan", *(ROOT / f"configs/paper/{name}.yaml" for name in names), "--ranks", 8).splitlines()
    assert len(table) == 4 and table[0].split()[:2] == ["run", "parameters"], table
    assert [row.split()[:2] for row in table[1:]] == [
        ["dense_134m", "134.1M"], [names[1], "13.031B"], [names[2], "138.748B"]], table


def test_plan_without_data(m):
    m.write("run.yaml", RUN)
    told = "run.yaml: a vocabulary of 32,000 tokens is assumed, as data.{}: there is no file '{}'; hint: --set model.vocabulary=N"
    plan = m.out("plan", "run.yaml").splitlines()
    assert plan[0] == told.format("train.0.files.0", "a.h5") and plan[1].startswith("plan of tiny"), plan
    assert m.out("plan", "run.yaml", "--set", "data.tokenizer=a.model").splitlines()[0] == told.format("tokenizer", "a.model")
    assert "assumed" not in m.out("plan", "run.yaml", "--set", "model.vocabulary=300")
    assert "set model.vocabulary" in m.error("plan", "run.yaml", "--set", "data.train=[]")
    m.tokens()
    assert "assumed" not in m.out("plan", "run.yaml")


def test_prep_inspect_round_trip(m):
    m.tokens()
    text = m.out("prep", "--inspect", "a.h5", "--at", 0, "--count", 10**6)
    assert "40 documents" in text and text.count(TEXT.split("\n")[0]) == 40, text
    middle = m.out("prep", "--inspect", "a.h5", "--at", 2, "--count", 3)
    assert "document 0, tokens 2 to 4" in middle and "\nrow\n" in middle, middle
    assert "not among them" in m.error("prep", "--inspect", "a.h5", "--at", 10**9)
    assert "all checksums match" in m.out("prep", "--verify", "a.h5")


def test_prep_refuses(m):
    tokens = m.tokens()
    assert "already there" in m.error("prep", "text", "text", "--output", "a.h5")
    assert "no file or folder" in m.error("prep", "text", "nosuch", "--output", "b.h5")
    assert "no input" in m.error("prep", "text", "--output", "b.h5")
    m.write("empty.txt", "\n")
    m.error("prep", "text", "empty.txt", "--output", "b.h5", status=3)
    m.write("bad.jsonl", '{"text": "x"}\n{"text": \n')
    assert "bad.jsonl" in m.error("prep", "text", "bad.jsonl", "--output", "b.h5", status=3)
    m.write("latin.txt", "caf\xe9".encode("latin-1"))
    m.error("prep", "text", "latin.txt", "--output", "b.h5", "--malformed", "refuse", status=3)
    assert "1 byte in 1 document: not UTF-8" in m.out("prep", "text", "latin.txt", "--output", "b.h5")
    content = tokens.read_bytes()
    m.write("cut.h5", content[:-100])
    assert "cut" in m.error("prep", "--inspect", "cut.h5", status=3)
    place = content.index(b"\0".join(TEXT[:8].encode()[i : i + 1] for i in range(8)))
    m.write("flipped.h5", content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert "block 0" in m.error("prep", "--verify", "flipped.h5", status=3)


def test_validation_by_hash(m):
    out = (m.tokens("--validation", 0.0), m.folder / "a.validation.h5")
    assert not out[1].exists()
    lines = "".join(f"line number {i} stands alone\n" for i in range(400))
    m.write("lines.txt", lines)
    text = m.out("prep", "text", "lines.txt", "--documents", "line", "--output", "l.h5", "--validation", 0.25)
    counts = [int(line.split(": ")[1].split()[0]) for line in text.splitlines() if "documents" in line]
    assert sum(counts) == 400 and 60 <= counts[1] <= 140, text


def test_facts(m):
    text = m.out("prep", "facts", "--output", "facts", "--people", 12, "--exposures", "1,2", "--unknown-people", 3)
    assert "18 biographies" in text and "75 probes" in text, text
    first = (m.folder / "facts/facts.jsonl").read_bytes()
    m.error("prep", "facts", "--output", "facts", "--people", 12)
    m.run("prep", "facts", "--output", "facts", "--people", 12, "--exposures", "1,2", "--overwrite")
    assert (m.folder / "facts/facts.jsonl").read_bytes() == first
    m.error("prep", "facts", "--output", "more", "--people", 10**9)
    m.error("prep", "facts", "--output", "more", "--people", 0)


def test_tokenizer_round_trip(m):
    m.write("text/a.txt", TEXT)
    train = ("tokenizer", "train", "text", "--vocab-size", 300)
    m.run(*train, "--output", "one.model")
    m.run(*train, "--output", "two.model")
    assert (m.folder / "one.model").read_bytes() == (m.folder / "two.model").read_bytes()
    for tokenizer in ("one.model", "bytes"):
        for text in (TEXT.encode(), b"", b"\n\n  two\r\n\xff\xfe \xe2\x96\x81"):
            ids = m.run("tokenizer", "encode", "--tokenizer", tokenizer, stdin=text).stdout
            back = m.run("tokenizer", "decode", "--tokenizer", tokenizer, stdin=ids).stdout
            assert back == text, (tokenizer, text, back)
    assert m.out("tokenizer", "encode", "Hi", "!") == "72 105\n33\n"
    assert m.out("tokenizer", "decode", 72, 105) == "Hi\n"
    assert m.out("tokenizer", "encode", "--tokenizer", "one.model", "--pieces", "row") == "r ow\n"
    m.run("prep", "text", "text", "--output", "t.h5", "--tokenizer", "one.model")
    assert "A row is read." in m.out("prep", "--inspect", "t.h5", "--count", 40)


def test_tokenizer_refuses(m):
    m.write("text/a.txt", TEXT)
    assert "0 to 256" in m.error("tokenizer", "decode", "12", "257")
    assert "x7" in m.error("tokenizer", "decode", "x7")
    assert "nosuch.model" in m.error("tokenizer", "encode", "--tokenizer", "nosuch.model", "a")
    assert "nosuch.model" in m.error("prep", "text", "text", "--tokenizer", "nosuch.model", "--output", "x.h5")
    m.write("junk.model", "this is no model")
    assert "junk.model" in m.error("tokenizer", "encode", "--tokenizer", "junk.model", "a", status=3)
    m.error("tokenizer", "train", "text", "--vocab-size", 30000, "--output", "b.model", status=3)
    assert not (m.folder / "b.model").exists()
    m.error("tokenizer", "train", "text", "--vocab-size", 100, "--output", "b.model")
    m.run("tokenizer", "train", "text", "--vocab-size", 300, "--output", "b.model")
    m.error("tokenizer", "train", "text", "--vocab-size", 300, "--output", "b.model")
    m.error("tokenizer", "train", "--output", "c.model")


def test_version(m):
    text = m.out("--version")
    for word in ("mneme 0.", "compiler ", "MPI", "HDF5 1.", "yaml-cpp 0.", "fmt ", "SentencePiece 0.", "Highway 1."):
        assert word in text, (word, text)
    here = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], cwd=ROOT,
                          capture_output=True, text=True)
    assert here.returncode or "unknown" in text or re.search(r"\([0-9a-f]{12}(-dirty)?\)", text), text


def test_config_check(m):
    m.write("good.yaml", RUN)
    lines = m.out("config", "check", "good.yaml", "--set", "data.probes=p.jsonl").splitlines()
    assert lines[0].startswith("ok good.yaml: ") and lines[1:3] == [
        "  note: data.train.0.files.0, data.validation.0.files.0: there is no file 'a.h5'", "  note: data.probes: there is no file 'p.jsonl'"], lines
    assert len(lines) == 4 and f"started in, here {m.folder.resolve()}; " in lines[3], lines
    m.write("a.h5", "is here")
    assert len(m.out("config", "check", "good.yaml").splitlines()) == 1
    m.write("bad.yaml", RUN.replace("channels: 16", "chhannels: 16"))
    told = m.run("config", "check", "bad.yaml", "good.yaml", "none.yaml", status=2)
    assert b"ok good.yaml" in told.stdout and b"none.yaml" in told.stderr
    assert b"bad.yaml:2: unknown key model.chhannels, did you mean model.channels?" in told.stderr, told.stderr
    assert "divide" in m.error("config", "check", "good.yaml", "--ranks", 3)
    assert "half_keys" in m.error("config", "check", "good.yaml", "--set", "model.memory.half_keys=1")
    assert "optimizer.lr" in m.error("config", "check", "good.yaml", "--set", "optimizer.lr=fast")


def test_config_show_is_a_config(m):
    m.write("run.yaml", RUN)
    text = m.out("config", "show", "run.yaml", "--set", "optimizer.lr=2e-3")
    m.write("again.yaml", text)
    assert m.out("config", "show", "again.yaml") == text and "lr: 0.002" in text
    assert m.out("config", "show", "run.yaml", "--comments") != text
    assert m.out("config", "show", "run.yaml", "--key", "model.channels") == "16\n"
    assert "model.channels" in m.error("config", "show", "run.yaml", "--key", "model.chhannels")


def test_config_page_is_up_to_date(m):
    page = ROOT / "docs/config.md"
    assert m.out("config", "doc") == page.read_text(encoding="utf-8"), "run: build/cpu/mneme config doc > docs/config.md"
    page = ROOT / "docs/study.md"
    assert m.out("config", "doc", "--study") == page.read_text(encoding="utf-8"), "run: mneme config doc --study > docs/study.md"


def test_checkpoints(m):
    run = m.trained()
    lines = m.out("checkpoint", "list", run).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["2", "full"], ["4", "full"]], lines
    shown = m.out("checkpoint", "show", run)
    assert "step 4, full" in shown and "name: tiny" in shown and "values" in shown, shown
    assert m.out("checkpoint", "verify", run).count("all checksums match") == 2
    one = run / "checkpoints/step_000002"
    assert m.out("checkpoint", "verify", one).count("all checksums match") == 1
    assert "step 2" in m.out("checkpoint", "show", one)
    m.error("checkpoint", "list", "nosuch")
    blocks = sorted(one.glob("*.h5"), key=lambda p: p.stat().st_size)[-1]
    content = blocks.read_bytes()
    place = len(content) - 40
    blocks.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
    told = m.run("checkpoint", "verify", run, status=4)
    assert b"step_000004" in told.stdout and blocks.name.encode() in told.stderr, told
    (one / "manifest.json").unlink()
    for command in ("list", "show", "verify"):
        told = m.run("checkpoint", command, one, status=4)
        assert b"step_000002" in told.stdout + told.stderr, told
    m.run("checkpoint", "list", run, status=4)
    empty = m.folder / "empty"
    empty.mkdir()
    assert "no checkpoint" in m.error("checkpoint", "list", "empty", status=4)


def test_share_of_the_matmul_speed(m):
    m.tokens()
    m.write("run.yaml", RUN)
    m.run("train", "run.yaml", "--set", "train.stop_at_step=2", status=75)
    text = m.out("train", "run.yaml")
    reached = re.search(r"a large matrix product reaches ([0-9.]+) GFLOP/s here, on 1 rank with 1 thread at once", text)
    assert reached and float(reached[1]) > 0.05, text
    steps = [line for line in text.splitlines() if line.startswith("step ") and "tokens/s" in line]
    shares = [re.search(r"GFLOP/s \(([0-9]+)% of a large matmul\)", line) for line in steps]
    assert len(steps) == 2 and all(share and int(share[1]) <= 150 for share in shares), steps
    size = r"\d\S* (?:bytes|KiB|MiB|GiB)"
    assert re.search(rf"\npeak memory of the busiest rank: {size}, which is {size} before training and {size} for it \(planned: {size}\)\n", text), text
    records = [json.loads(line) for line in (m.folder / "runs/tiny/metrics.jsonl").read_text().splitlines()]
    starts = [r for r in records if r["kind"] == "start"]
    assert records[0] is starts[0] and [r["step"] for r in starts] == [0, 2], starts
    assert abs(starts[1]["matmul_flop_per_second"] / 1e9 - float(reached[1])) < 0.06, (starts, reached[1])
    assert [r["step"] for r in records if r["kind"] == "step"] == [1, 2, 3, 4], records


def test_threads_are_those_it_may_run_on(m):
    m.tokens()
    m.write("run.yaml", RUN)
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    cores = sorted(os.sched_getaffinity(0))

    def threads(name, allowed, **more):
        call = ["taskset", "-c", ",".join(map(str, allowed)), m.program, "train", "run.yaml", "--set", f"name={name}", "--set", "runtime.threads=0"]
        text = subprocess.run(call, cwd=m.folder, capture_output=True, text=True, check=True, env={**environment, **more}).stdout
        return int(re.search(r"on 1 rank with (\d+) threads? at once", text)[1])

    assert threads("one", cores[:1]) == 1
    assert threads("told", cores, OMP_NUM_THREADS="3") == 3
    if len(cores) > 1 and not Path("/sys/fs/cgroup/cpu.max").exists():  # where no quota says otherwise
        assert threads("all", cores) == len(cores)


def test_a_finished_run_is_left_alone(m):
    m.tokens()
    m.write("run.yaml", RUN)
    m.run("train", "run.yaml")
    run = m.folder / "runs/tiny"
    before = {name: (run / name).read_bytes() for name in ("config.yaml", "summary.json")}
    text = m.out("train", "run.yaml", "--set", "optimizer.lr=1e-4")
    assert "goes on with another option: optimizer.lr: 0.0006 -> 0.0001" in text, text
    assert "runs/tiny is finished, step 4 of 4: nothing to train" in text and "validation" not in text, text
    assert before == {name: (run / name).read_bytes() for name in before}, "the record of a finished run was rewritten"
    assert "train.steps = 2, but 4 steps are done" in m.error("train", "run.yaml", "--set", "train.steps=2", status=2)
    assert "step 6/6" in m.out("train", "run.yaml", "--set", "train.steps=6"), "a longer schedule goes on"
    text = m.error("train", "run.yaml", "--set", "train.steps=8", "--set", "optimizer.pool_update=lazy", status=2)
    assert "optimizer.pool_update: exact -> lazy (cannot change within a run)" in text, text


def test_a_line_shows_the_mean_loss_since_the_one_before(m):
    m.tokens()
    m.write("run.yaml", RUN)
    text = m.out("train", "run.yaml", "--set", "report.log_every=3", "--set", "train.steps=7", "--set", "optimizer.lr=0.05")
    records = map(json.loads, (m.folder / "runs/tiny/metrics.jsonl").read_text().splitlines())
    loss = [r["loss"] for r in records if r["kind"] == "step"]
    shown = re.findall(r"step (\d)/7  loss (\d+\.\d+)", text)
    wanted = [("1", loss[0]), ("3", sum(loss[1:3]) / 2), ("6", sum(loss[3:6]) / 3), ("7", loss[6])]
    assert shown == [(step, f"{mean:.4f}") for step, mean in wanted] and len(set(loss)) == 7, (shown, loss)


def test_compare_takes_the_newest_evaluation(m):
    m.tokens()
    m.write("run.yaml", RUN)
    m.run("train", "run.yaml")
    m.run("eval", "runs/tiny")
    assert "validation loss, held" in m.out("compare", "runs/tiny")
    m.run("eval", "runs/tiny/checkpoints/step_000002")
    assert "validation loss" not in m.out("compare", "runs/tiny"), "the loss of another step stands there"


def test_compare_passes_over_plain_files(m):
    m.trained()
    files = [m.write(f"runs/{name}", "x").relative_to(m.folder) for name in ("results.csv", "notes.txt")]
    done = m.run("compare", files[0], "runs/tiny", files[1])
    assert done.stderr.decode() == "passed over, no folders of runs: runs/results.csv, runs/notes.txt\n", done.stderr
    assert done.stdout.decode() == m.out("compare", "runs/tiny")
    assert "runs/none: no summary.json" in m.error("compare", "runs/tiny", "runs/none").splitlines()[-1]
    assert m.error("compare", *files)== "there is nothing to compare: no folder of a run is among runs/results.csv, runs/notes.txt\n"


def test_copies_of_weights(m):
    m.tokens()
    m.write("run.yaml", RUN)
    m.run("train", "run.yaml", "--set", "checkpoint.keep.weights_every=2", "--set", "checkpoint.keep.keep_last=1")
    run = m.folder / "runs/tiny"
    lines = m.out("checkpoint", "list", run).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["2", "weights"], ["4", "full"], ["4", "weights"]], lines
    assert m.out("checkpoint", "verify", run).count("all checksums match") == 3
    full, copy = run / "checkpoints/step_000004", run / "checkpoints/weights_000004"
    assert "step 4, weights" in m.out("checkpoint", "show", copy)
    for command in (["eval"], ["generate", "--prompt", "A row", "--tokens", 4]):
        told = [m.run(command[0], path, *command[1:]).stdout for path in (full, copy)]
        assert told[0] == told[1] and told[0], told
    assert "trained already" in m.error("eval", copy, "--set", "optimizer.lr=1")
    m.run("train", "run.yaml")  # goes on from the full one: nothing is left to do


def test_train_refuses(m):
    m.tokens()
    m.write("run.yaml", RUN)
    assert "nosuch.yaml" in m.error("train", "nosuch.yaml")
    assert "train.stepz" in m.error("train", "run.yaml", "--set", "train.stepz=3")
    assert "b.h5" in m.error("train", "run.yaml", "--set", "data.train.0.files=[b.h5]")
    content = (m.folder / "a.h5").read_bytes()
    m.write("cut.h5", content[: len(content) // 2])
    assert "cut.h5" in m.error("train", "run.yaml", "--set", "data.train.0.files=[cut.h5]", status=3)
    m.run("train", "run.yaml", "--set", "train.stop_at_step=2", status=75)
    m.write("other.yaml", RUN + "seed: 2\n")
    for file, words in (("other.yaml", []), ("run.yaml", ["train.steps=1"]), ("run.yaml", ["data.train.0.files=[b.h5]"])):
        refused = m.run("train", file, *(w for s in words for w in ("--set", s)), status=2)
        assert not refused.stdout, f"the plan is shown before the refusal:\n{refused.stdout.decode()}"
        assert file == "run.yaml" or b"seed: 1 -> 2" in refused.stderr, refused.stderr
    m.write("wider.yaml", RUN.replace("channels: 16", "channels: 32"))
    m.error("train", "wider.yaml")
    assert "norm.weight is f32 (16)" in m.error("train", "wider.yaml", "--set", "model.channels=32", status=4)
    m.run("train", "run.yaml")


def main(names, description):
    """Runs the functions test_* among `names`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mneme", default=str(ROOT / "build/cpu/mneme"))
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    tests = {k: v for k, v in names.items() if k.startswith("test_")}
    wanted = ["test_" + name.removeprefix("test_") for name in given.names]
    if unknown := [name for name in wanted if name not in tests]:
        parser.error(f"there is no {', '.join(unknown)}")
    chosen = {k: v for k, v in tests.items() if not wanted or k in wanted}
    failed, skipped = 0, 0
    for name, test in chosen.items():
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Mneme(str(Path(given.mneme).resolve()), Path(folder)))
            except Skip as reason:
                skipped += 1
                print(f"SKIPPED {name}: {reason}")
            except Exception as error:  # a time-out counts as well
                failed += 1
                line = traceback.extract_tb(error.__traceback__)[1]
                print(f"FAILED {name} at line {line.lineno}: {line.line}\n{error or ''}")
        print(f"{name}: {time.monotonic() - started:.1f} s", flush=True)
    print(f"{len(chosen) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(globals(), __doc__))
