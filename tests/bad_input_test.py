#!/usr/bin/env python3
"""Broken files, full disks, killed processes and mistaken options: the exit status of each, and that its one message
says what is wrong, where, and how to mend it.

    bad_input_test.py --mneme build/cpu/mneme [NAME...]
"""
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cli_test
from cli_test import ROOT, RUN, TEXT, wait_for
from runs_test import same_files, steps_of

LAUNCH = str(ROOT / "launch/mpirun.sh")
TINY = "runs/tiny/checkpoints"


def prepare(m):
    m.tokens()
    m.write("run.yaml", RUN)


def sets(*pairs):
    return [word for pair in pairs for word in ("--set", pair)]


def told(m, *arguments, status, ranks=1):
    """All that a command prints to stderr, with this exit status; over several ranks within 10 s."""
    if ranks == 1:
        return m.error(*arguments, status=status)
    begin = time.monotonic()
    launched = cli_test.Mneme(LAUNCH, m.folder)
    text = launched.error("-n", ranks, m.program, *arguments, status=status)
    assert time.monotonic() - begin < 10, text
    return text


def need(text, *words, lines=1):
    """The message: so many lines, with all of these words, from one rank only."""
    assert len(text.splitlines()) == lines, f"wanted {lines} lines:\n{text}"
    missing = [w for w in words if w not in text]
    assert not missing, f"{missing} not in:\n{text}"
    return text


def steps(m, run="tiny"):
    return steps_of(m.folder / "runs" / run)


@contextlib.contextmanager
def small_disk(folder, kilobytes):
    """A file system of this size at `folder`, or a reason to skip."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True) if os.geteuid() == 0 and shutil.which("mount") else None
    if done is None or done.returncode:
        raise cli_test.Skip("needs the right to mount a small tmpfs" + (f": {done.stderr.strip()}" if done else ", as root"))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_disk_full_while_saving(m):
    prepare(m)
    with small_disk(m.folder / "disk", 700) as disk:  # room for one checkpoint and what checks it, not for two
        for ranks in (1, 2):
            launch = cli_test.Mneme(LAUNCH, m.folder)
            words = ["train", "run.yaml", *sets("output=disk", f"name=ranks{ranks}", "train.steps=7", "train.stop_at_step=5",
                                                "checkpoint.keep.keep_last=9")]
            # The state of the step it was told to stop at cannot be saved: a fault of the machine, after going on to there.
            done = m.run(*words, status=5) if ranks == 1 else launch.run("-n", ranks, m.program, *words, status=5)
            text = done.stdout.decode() + done.stderr.decode()
            assert "step 5/7" in text and "step 6/7" not in text, text
            warning = [line for line in text.splitlines() if line.startswith("warning: step 4 could not be saved")]
            need("\n".join(warning), f"disk/ranks{ranks}/checkpoints/step_000004", "make room", "training goes on")
            assert re.search(r"it takes \d+ bytes, and \S+ has \d+ left", warning[0]), warning
            lost = "the state of step 5 could not be saved; the newest checkpoint is of step 2"
            assert done.stderr.decode().count(lost) == 1, text
            run = disk / f"ranks{ranks}"
            assert os.listdir(run / "checkpoints") == ["step_000002"], "something half-written was left"
            assert m.out("checkpoint", "verify", run).count("all checksums match") == 1
            shutil.copytree(run, m.folder / f"runs/ranks{ranks}")
            shutil.rmtree(run)
            goes_on = m.out(*words[:2], *sets(f"name=ranks{ranks}", "train.steps=7"))
            assert "going on after step 2" in goes_on and "step 7/7" in goes_on, goes_on


def test_disk_full_at_the_end(m):
    prepare(m)
    with small_disk(m.folder / "disk", 700):
        done = m.run("train", "run.yaml", *sets("output=disk", "train.steps=6", "checkpoint.keep.keep_last=9"), status=5)
        assert "the state of step 6 could not be saved" in done.stderr.decode(), done.stderr.decode()
        assert not (m.folder / "disk/tiny/summary.json").exists(), "a run without its last state is not finished"


def damaged(m):
    """Token files cut short and with one bit flipped."""
    content = (m.folder / "a.h5").read_bytes()
    m.write("cut.h5", content[:-1])
    place = content.index(b"\0".join(TEXT[:8].encode()[i : i + 1] for i in range(8)))
    m.write("flipped.h5", content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


def test_damaged_token_files(m):
    prepare(m)
    damaged(m)
    for ranks in (1, 2):
        for name, words in (("cut.h5", ["cut short", "mneme prep text"]),
                            ("flipped.h5", ["is damaged: the checksum of block 0 (tokens 0 to ", "copy the file again"])):
            for where in ("train", "validation")[: 3 - ranks]:
                text = told(m, "train", "run.yaml", *sets(f"data.{where}.0.files=[{name}]"), status=3, ranks=ranks)
                need(text, f"'{name}'", *words)
                shutil.rmtree(m.folder / "runs", ignore_errors=True)
    need(told(m, "train", "run.yaml", "--show-batch", 1, *sets("data.train.0.files=[flipped.h5]"), status=3), "is damaged")


def test_another_tokenizer(m):
    prepare(m)
    m.run("tokenizer", "train", "text", "--vocab-size", 300, "--output", "one.model")
    m.run("prep", "text", "text", "--tokenizer", "one.model", "--output", "pieces.h5")
    wrong = {"one.model": (2, "is sentencepiece with 300 tokens", "were made with bytes of 257 tokens", "prepare them again"),
             "run.yaml": (3, "run.yaml is not a SentencePiece model", "mneme tokenizer train")}
    for ranks in (1, 2):
        for name, (status, *words) in list(wrong.items())[: 3 - ranks]:
            text = told(m, "train", "run.yaml", *sets(f"data.tokenizer={name}"), status=status, ranks=ranks)
            need(text, name, *words)
    for where in ("train", "validation"):  # files of two tokenizers in one run
        text = told(m, "train", "run.yaml", *sets(f"data.{where}.0.files=[a.h5,pieces.h5]"), status=3)
        need(text, "a.h5", "pieces.h5", "tokenizer")
    other = sets("data.validation=[{name: other, files: [pieces.h5]}]")
    need(told(m, "train", "run.yaml", *other, status=3), "validation set 'other' (pieces.h5) was made with tokenizer", "hint: prepare it")
    need(told(m, "train", "run.yaml", *sets("model.vocabulary=200"), status=2), "200", "257 tokens", "hint: 0 takes")
    assert not list((m.folder / TINY).glob("step_*"))
    m.run("train", "run.yaml")
    need(told(m, "eval", "runs/tiny", *other, status=3), "validation set 'other' (pieces.h5) was made with tokenizer")
    need(told(m, "eval", "runs/tiny", *sets("data.tokenizer=one.model"), status=2), "--set data.tokenizer", "hint: leave the option out")


def test_files_that_are_not_there(m):
    prepare(m)
    absent = sets("data.train.0.files=[a.h5,b.h5]", "data.validation.0.files=[c.h5,b.h5]", "data.tokenizer=none.model")
    for ranks in (1, 2):
        text = told(m, "train", "run.yaml", *absent, status=2, ranks=ranks)
        need(text, "data.train.0.files.1, data.validation.0.files.1: there is no file 'b.h5'\n", "data.validation.0.files.0: there is no file 'c.h5'\n",
             "data.tokenizer: there is no file 'none.model'\n", f"  hint: relative paths are taken from the folder that mneme is started in, here {m.folder.resolve()}; "
             "`mneme prep text` makes token files; `mneme tokenizer train` makes tokenizers\n", lines=4)
    assert not (m.folder / "runs").exists()
    m.run("train", "run.yaml")
    need(told(m, "eval", "runs/tiny", *sets("data.validation.0.files=[c.h5]", "data.probes=p.jsonl"), status=2), "data.validation.0.files.0: there is no file 'c.h5'\n",
         "data.probes: there is no file 'p.jsonl'\n", "`mneme prep facts` makes probes", lines=3)


def test_batch_that_does_not_divide(m):
    prepare(m)
    need(told(m, "train", "run.yaml", status=2, ranks=3), "train.batch = 4", "over 3 ranks", "hint: train.batch = 3 or 6")
    text = told(m, "train", "run.yaml", *sets("train.batch=12", "train.micro_batch=4"), status=2, ranks=2)
    need(text, "train.batch = 12", "over 2 ranks in micro-batches of 4", "hint: train.batch = 8 or 16")
    text = told(m, "train", "run.yaml", *sets("mesh.memory=3"), status=2, ranks=2)
    need(text, "mesh.memory = 3", "2 ranks", "hint: start 3 ranks")


def ranks_of(folder):
    """{rank: process id} of what Open MPI runs in this folder."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            variables = (path / "environ").read_bytes().split(b"\0")
            if (path / "cwd").resolve() == folder.resolve() and (path / "exe").resolve().name.startswith("mneme"):
                found |= {int(v.split(b"=")[1]): int(path.name) for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK=")}
    return found


def begin(m, *command):
    return subprocess.Popen(command, cwd=m.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_rank_killed(m):
    prepare(m)
    train = [m.program, "train", "run.yaml", *sets("train.steps=24", "checkpoint.every=4", "checkpoint.keep.keep_last=9",
                                                   "report.validate_every=0", "data.validation=[]")]
    cli_test.Mneme(LAUNCH, m.folder).run("-n", 2, *train, *sets("name=whole"))
    job = begin(m, LAUNCH, "-n", "2", *train)
    wait_for(m.folder / TINY / "step_000004", job)
    ranks = ranks_of(m.folder)
    assert sorted(ranks) == [0, 1], ranks
    os.kill(ranks[1], signal.SIGKILL)
    begun = time.monotonic()
    assert job.wait(timeout=60) not in (0, 75) and time.monotonic() - begun < 10, job.returncode
    assert not ranks_of(m.folder), "rank 0 outlived the job"
    assert 4 <= max(steps(m)) < 24, "killed too late"
    text = cli_test.Mneme(LAUNCH, m.folder).out("-n", 2, *train)
    last = re.search(r"going on after step (\d+) of runs/tiny", text)
    assert last and int(last[1]) >= 4 and int(last[1]) % 4 == 0, text
    assert same_files(m.folder / TINY / "step_000024", m.folder / "runs/whole/checkpoints/step_000024") == 3
    assert all(steps(m)[i]["loss"] == r["loss"] for i, r in steps(m, "whole").items())


def test_killed_at_any_moment(m):
    prepare(m)
    train = ["train", "run.yaml", *sets("train.steps=400", "data.validation=[]")]
    often = sets("checkpoint.every=1", "checkpoint.keep.keep_last=2")
    moments = random.Random(7)
    reached = 0
    for _ in range(8):
        job = begin(m, m.program, *train, *often)
        wait_for(m.folder / f"{TINY}/step_{reached + 1:06}", job)
        time.sleep(moments.uniform(0, 0.2))
        job.kill()
        assert job.wait() == -signal.SIGKILL, "ended by itself"
        newest = m.out("checkpoint", "list", "runs/tiny").splitlines()[-1].split()
        assert int(newest[0]) > reached and newest[1] == "full", newest
        assert m.out("checkpoint", "verify", newest[-1]).count("all checksums match") == 1
        reached = int(newest[0])
    text = m.out(*train, *often, *sets(f"train.stop_at_step={reached + 2}"), status=75)
    assert f"going on after step {reached} of runs/tiny" in text, text
    m.run(*train, *sets("name=whole", f"train.stop_at_step={reached + 2}", "checkpoint.every=0"), status=75)
    end = f"checkpoints/step_{reached + 2:06}"
    assert same_files(m.folder / "runs/tiny" / end, m.folder / "runs/whole" / end) == 2
    assert all(steps(m)[i]["loss"] == r["loss"] for i, r in steps(m, "whole").items())
    assert len(steps(m)) == reached + 2 and all("step_" in n for n in os.listdir(m.folder / TINY))
    assert not list((m.folder / TINY).glob("*.tmp")), "leftovers stay"


def test_checkpoint_without_manifest(m):
    run = m.trained()
    last = run / "checkpoints/step_000004"
    (last / "manifest.json").unlink()
    for command in (["eval"], ["generate", "--prompt", "A"]):
        need(told(m, command[0], f"{TINY}/step_000004", *command[1:], status=4),
             f"{TINY}/step_000004: no complete checkpoint here", "hint: name a run's folder", lines=2)
    assert "tiny at step 2" in m.out("eval", "runs/tiny")
    done = m.run("train", "run.yaml")
    text = done.stdout.decode() + done.stderr.decode()
    assert text.count("warning: step_000004 is passed over") == 1 and "no manifest.json" in text, text
    assert "going on after step 2" in text and m.out("checkpoint", "verify", "runs/tiny").count("all checksums match") == 2
    for checkpoint in (run / "checkpoints").iterdir():  # with none left, a run must not begin anew over them
        (checkpoint / "manifest.json").unlink()
    before = sorted((run / "checkpoints").rglob("*"))
    for ranks in (1, 2):
        need(told(m, "train", "run.yaml", status=4, ranks=ranks), "no checkpoint of this run can be loaded:\n", "step_000002 is passed over",
             "step_000004 is passed over", "hint: put a whole one back, or move the folder away", lines=4)
    assert sorted((run / "checkpoints").rglob("*")) == before


def test_another_models_checkpoint(m):
    run = m.trained()
    m.write("wide.yaml", RUN.replace("channels: 16", "channels: 32").replace("name: tiny", "name: wide"))
    m.run("train", "wide.yaml")
    shutil.rmtree(run / "checkpoints")
    shutil.copytree(m.folder / "runs/wide/checkpoints", run / "checkpoints")
    need(told(m, "train", "run.yaml", status=2), f"{TINY}/step_000004 was trained with other options", "model.channels: 32 -> 16",
         "hint: give the run another name", lines=3)
    text = told(m, "eval", "runs/tiny", *sets("model.channels=16"), status=4)
    assert text.startswith(f"the checkpoint {TINY}/step_000004 is not of this model:\n"), text
    assert "norm.weight is f32 (32) in it, wanted f32 (16)" in text and text.count("hint: ") == 1, text


def test_text_that_is_not_utf8(m):
    bad = {"latin.txt": b"caf\xe9 is open\n\nplain one\n", "latin.jsonl": b'{"text": "good"}\n{"text": "caf\xe9"}\n'}
    for name, content in bad.items():
        m.write(name, content)
        prep = ["prep", "text", name, "--output", "o.h5"]
        for documents in ("file", "paragraph", "line"):
            m.run(*prep, "--documents", documents)
            text = m.out("prep", "--inspect", "o.h5", "--count", 99)
            assert text.count("caf\N{REPLACEMENT CHARACTER}") == 1, text
            (m.folder / "o.h5").unlink()
            text = told(m, *prep, "--documents", documents, "--malformed", "refuse", status=3)
            need(text, name + (":2" if name == "latin.jsonl" else ""), "1 byte is not UTF-8", f"byte {13 if 'jsonl' in name else 3} of", "convert the file",
                 "--malformed replace")
            assert not (m.folder / "o.h5").exists()
        assert "1 byte in 1 document: not UTF-8" in m.out(*prep, "--validation", 0.5, "--overwrite", "--skip-bad-json")
        for file in m.folder.glob("o*.h5"):
            file.unlink()
        need(told(m, *prep, "--malformed", "skip", status=2), "--malformed: skip not in {replace,refuse}", lines=2)


def test_nothing_to_read(m):
    prepare(m)
    (m.folder / "none").mkdir()
    need(told(m, "prep", "text", "none", "--output", "b.h5", status=2), "'none' holds no text files", "wanted .txt or .jsonl")
    m.write("white.txt", "  \n\n")
    need(told(m, "prep", "text", "white.txt", "--output", "b.h5", status=3), "no documents to train on in 'white.txt': 1 empty one,",
         "name files with text in them")
    m.write("zero.h5", b"")
    for ranks in (1, 2):
        text = told(m, "train", "run.yaml", *sets("data.train.0.files=[zero.h5]"), status=3, ranks=ranks)
        need(text, "'zero.h5' (0 bytes) is not a token file", "mneme prep text")
    m.write("one.txt", "one two three\n")
    m.run("prep", "text", "one.txt", "--output", "one.h5")
    few = sets("data.train.0.files=[one.h5]", "data.validation.0.files=[one.h5]", "train.batch=6")  # one sample, three ranks
    m.run("train", "run.yaml", *few, *sets("name=alone"))
    assert "over 14 targets" in cli_test.Mneme(LAUNCH, m.folder).out("-n", 3, m.program, "train", "run.yaml", *few)
    a, b = steps(m, "alone"), steps(m)
    assert sorted(b) == [1, 2, 3, 4] and all(a[i]["ids_hash"] == b[i]["ids_hash"] for i in a)
    assert all(abs(a[i]["loss"] - b[i]["loss"]) < 1e-4 * a[i]["loss"] for i in a), (a, b)


def test_all_mistaken_options_at_once(m):
    prepare(m)
    m.write("bad.yaml", RUN.replace("channels: 16", "channls: 16").replace("top_k: 2", "top_k: 20").replace("steps", "stepz")
            + "optimizer: {lr: -1, schedule: {kind: cosinus, warmup: fast}}\n")
    for ranks in (1, 2):
        text = told(m, "train", "bad.yaml", *sets("report.log_evry=2", "train.sequence=0"), status=2, ranks=ranks)
        need(text, "bad.yaml:2: unknown key model.channls, did you mean model.channels?\n",
             "bad.yaml:2: model.memory.top_k = 20 is not allowed: wanted top_k <= half_keys, found model.memory.half_keys = 8\n",
             "bad.yaml:6: unknown key train.stepz, did you mean train.steps?\n",
             "bad.yaml:10: optimizer.lr = -1 is not allowed: must be positive\n",
             "bad.yaml:10: optimizer.schedule.kind = cosinus is not allowed: must be one of constant | ",
             "bad.yaml:10: optimizer.schedule.warmup = fast is not allowed: must be a number",
             "--set report.log_evry=2: unknown key report.log_evry, did you mean report.log_every?\n",
             "--set train.sequence=0: train.sequence = 0 is not allowed: must be from 1 to 16777216\n", lines=9)  # one hint
    assert not (m.folder / "runs").exists()


def test_two_of_one_run_at_once(m):
    prepare(m)
    job = begin(m, m.program, "train", "run.yaml", *sets("train.steps=1000000", "checkpoint.every=4"))
    wait_for(m.folder / TINY / "step_000004", job)
    for ranks in (1, 2):
        need(told(m, "train", "run.yaml", *sets("train.steps=1000000"), status=2, ranks=ranks),
             "another `mneme train` is at work in 'runs/tiny'", "hint: wait for it")
    job.send_signal(signal.SIGTERM)
    assert job.wait() == 75
    numbers = sorted(steps(m))
    assert numbers == list(range(1, len(numbers) + 1)), "the second one touched metrics.jsonl"


def test_a_folder_that_cannot_be_made(m):
    prepare(m)
    m.write("runs", "a file\n")
    for ranks in (1, 2):
        need(told(m, "train", "run.yaml", status=5, ranks=ranks), "[rank 0] " if ranks > 1 else "", "the run's folder runs/tiny cannot be made", "hint: see `output`")


def test_an_interrupted_run_says_how_to_go_on(m):
    prepare(m)
    stop = sets("train.stop_at_step=2")
    text = cli_test.Mneme(LAUNCH, m.folder).run("-n", 2, m.program, "train", "run.yaml", *stop, status=75).stdout.decode()
    assert f"this goes on from here:\n  launch/mpirun.sh -n 2 {m.program} train run.yaml\n" in text, text
    before = sorted((p, p.stat().st_mtime_ns) for p in (m.folder / TINY).rglob("*"))
    text = m.out("train", "run.yaml", *stop, status=75)
    assert text.endswith("\nruns/tiny stands at step 2 of 4 already, and train.stop_at_step = 2: nothing to train; "
                         "hint: --set train.stop_at_step=0 goes on to the end\n") and "interrupted" not in text, text
    assert before == sorted((p, p.stat().st_mtime_ns) for p in (m.folder / TINY).rglob("*"))
    m.write("stop.yaml", RUN.replace("steps: 4", "steps: 4, stop_at_step: 1"))
    for words in ([], ["train.stop_at_step=3"]):
        text = m.out("train", "stop.yaml", *sets("name=by_file", *words), status=75)
        assert "train stop.yaml --set 'name=by_file' --set train.stop_at_step=0\n" in text, text
    assert "step 4/4" in m.out("train", "stop.yaml", *sets("train.stop_at_step=0"))


def test_threads_told_to_one_rank_only(m):
    prepare(m)  # as a launcher does that hands no variables to other hosts
    m.write("rank.sh", f'test $OMPI_COMM_WORLD_RANK = 0 && export OMP_NUM_THREADS=1 || unset OMP_NUM_THREADS\nexec "{m.program}" "$@"\n')
    command = ["timeout", "30", LAUNCH, "-n", "2", "bash", "rank.sh", "train", "run.yaml", *sets("runtime.threads=0")]
    assert "step 4/4" in cli_test.Mneme(command[0], m.folder).out(*command[1:])


def test_heads_that_do_not_divide(m):
    prepare(m)
    need(told(m, "config", "check", "run.yaml", *sets("model.heads=3"), status=2),
         "model.head_width = 0 is not allowed: must be above 0 unless model.channels = 16 is a multiple of model.heads = 3\n")


def test_a_decay_that_no_longer_shrinks(m):
    prepare(m)
    more = sets("optimizer.memory_values.lr=2", "optimizer.memory_values.weight_decay=0.6")
    need(told(m, "config", "check", "run.yaml", *more, status=2), "hint: for memory_values they are 0.6 and 2\n", lines=2)


def test_a_window_of_use_that_overflows(m):
    prepare(m)
    need(told(m, "config", "check", "run.yaml", *sets("report.use_every=1000000000"), status=2),
         "--set report.use_every=1000000000: report.use_every = 1000000000 is not allowed: ", "must be below 2^31")


def on_rank_1_elsewhere(m):
    """Ranks of which the second works in a folder of its own, a copy of this one."""
    shutil.copytree(m.folder, m.folder / "other")
    m.write("rank.sh", f'test $OMPI_COMM_WORLD_RANK = 0 || cd other\nexec "{m.program}" "$@"\n')
    return [LAUNCH, "-n", "2", "bash", "rank.sh", "train", "run.yaml"]


def test_an_error_of_one_rank(m):
    prepare(m)
    damaged(m)
    train = on_rank_1_elsewhere(m)
    for file, status, words in (("flipped.h5", 3, ["is damaged"]), (None, 2, ["'a.h5'"])):
        (m.folder / "other/a.h5").unlink(missing_ok=True)
        if file:
            shutil.copy(m.folder / file, m.folder / "other/a.h5")
        begun = time.monotonic()
        done = cli_test.Mneme(train[0], m.folder).run(*train[1:], status=status)
        assert time.monotonic() - begun < 10
        need(done.stderr.decode(), *words, lines=len(done.stderr.decode().splitlines()))
        assert done.stderr.decode().startswith("[rank 1] ") and done.stderr.decode().count("[rank") == 1, done.stderr.decode()


def test_an_error_of_all_ranks_is_told_once(m):
    run = m.trained()
    (run / "checkpoints/step_000004/manifest.json").unlink()
    text = told(m, "eval", f"{TINY}/step_000004", status=4, ranks=2)
    assert text.count("no complete checkpoint here") == 1, text


def test_one_rank_cannot_save(m):
    prepare(m)
    train = on_rank_1_elsewhere(m)  # where no run folder is
    begun = time.monotonic()
    done = cli_test.Mneme(train[0], m.folder).run(*train[1:], *sets("train.stop_at_step=3"), status=5)
    assert time.monotonic() - begun < 10
    warnings = [line for line in done.stdout.decode().splitlines() if line.startswith("warning: step 2 ")]
    need("\n".join(warnings), f"{TINY}/step_000002 could not be saved: [rank 1] cannot create ", "No such file", "training goes on")
    assert not os.listdir(m.folder / TINY) and not (m.folder / "other/runs").exists()


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(cli_test.main(globals(), __doc__))
