#!/usr/bin/env python3
"""PyTorch as the referee of training: the same steps, computed from docs/method.md by autograd in f64.

    compare_test.py --mneme build/cpu/mneme --recorder build/cpu/tests/oracle_record_steps [--self-test] [VARIANT...]

For each variant `mneme train` makes a run of 20 steps with a checkpoint after each, and the recorder, which trains the same
steps from the same code, gives batches, logits, rows and gradients. Compared are: the samples; from each checkpoint, logits,
loss, all gradients, norms, and the next checkpoint's weights and moments, within computed tolerances (tolerance.py); and the
losses of a free run of the referee from the initial state, to 1e-4.
Which rows a lookup reads is a choice that rounding can turn where scores are nearly equal. There the referee follows what was
read, after checking that each row's score is within the tolerance of the k best; such cases are counted and bounded.
--self-test plants faults in the referee (planted.py) and must see each reported.
Ends in "N passed, N failed, N skipped"; exit status 77 when there is no PyTorch.
"""
import argparse
import functools
import json
import random
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

try:
    import torch
except ImportError:
    print("skipped: no PyTorch (Debian: python3-torch)\n0 passed, 0 failed, 1 skipped")
    sys.exit(77)
import numpy as np
import yaml

import adamw
from llama import Batch, Llama
from planted import plant, planted
from read_checkpoint import read
from samples import batch_arrays
from tolerance import Bounds

STEPS = 20
RUN = """name: run
model: {{channels: 32, blocks: 3, heads: 4, kv_heads: 2, ffn_hidden: 48, {model}}}
data: {{train: [{{name: text, files: [text.h5]}}]}}
train: {{steps: {steps}, sequence: 24, batch: 8}}
optimizer: {{lr: 1e-2, {optimizer}}}
report: {{log_every: 1, tensorboard: false}}
checkpoint: {{every: 1, keep: {{keep_last: 1000}}}}
runtime: {{threads: 2}}
"""
MEMORY = "heads: 2, top_k: 4, half_keys: 12, key_width: 16, layers: [0, 2]"
COSINE = "schedule: {kind: cosine, warmup: 4, floor: 0.1}"
VARIANTS = {
    "dense": ("ffn: dense, z_loss: 1e-3", COSINE),
    "dense_tied": ("ffn: dense, tie_embeddings: true, head_width: 12",
                   "schedule: {kind: warmup_stable_decay, warmup: 2, decay_share: 0.5}, clip: 0.5, vectors: {beta1: 0.8}"),
    "memory_plus": (f"ffn: memory_plus, memory: {{{MEMORY}}}", COSINE + ", memory_values: {lr: 1e-2}"),
    "memory_plus_dense_update": (f"ffn: memory_plus, memory: {{{MEMORY}}}",
                                 COSINE + ", pool_update: dense, memory_values: {lr: 1e-2, weight_decay: 0.1}"),
    "memory_exact_decay": (f"ffn: memory_plus, memory: {{{MEMORY}, value_width: 40}}",
                           COSINE + ", clip_values: 0.01, memory_values: {lr: 1e-2, weight_decay: 0.1, beta2: 0.9}"),
    "memory": (f"ffn: memory, memory: {{{MEMORY}, qk_norm: none, value_width: 20}}",
               "schedule: {kind: inverse_sqrt, warmup: 3}, memory_values: {schedule: constant}"),
    "memory_beside": (f"ffn: memory, memory: {{{MEMORY}, gate: sigmoid, placement: beside}}",
                      "schedule: {kind: linear, warmup: 3}, memory_keys: {lr: 3e-2, weight_decay: 0.01}"),
}


def write_text(path):
    """600 short documents of random words."""
    r = random.Random(1)
    words = ["".join(r.choices("abcdefghijklmno", k=r.randint(1, 6))) for _ in range(200)]
    path.write_text("\n\n".join(" ".join(r.choices(words, k=r.randint(1, 12))) for _ in range(600)), encoding="utf-8")


def tensors(folder):
    """A checkpoint's tensors, numbers of f32 as f64."""
    arrays, meta = read(folder)
    return {n: torch.from_numpy(a.astype(np.float64) if a.dtype == np.float32 else a) for n, a in arrays.items()}, meta


class Referee(Llama):
    """Follows the rows that were read, where its own choice is as good to within `bound` times the largest score."""

    def __init__(self, model, weights, rows=(), bound=0.0):
        super().__init__(model, weights)
        self.rows, self.bound = rows, bound
        self.of_sample = None
        self.lookups = self.near = self.followed = 0

    def choose_rows(self, s1, s2, layer):
        own = super().choose_rows(s1, s2, layer)
        tokens = len(own)
        read_rows = self.rows[layer][self.of_sample * tokens:][:tokens].view(own.shape).long()
        k = self.memory["top_k"]
        sums = (s1[..., :, None] + s2[..., None, :]).flatten(-2)  # of every row: the product keys' promise is checked, too
        best = sums.topk(k + 1, -1).values
        bound = self.bound * (s1.abs().max() + s2.abs().max())
        near = best[..., k - 1] - best[..., k] <= bound
        differs = (own.sort(-1).values != read_rows.sort(-1).values).any(-1)
        assert bool((read_rows.sort(-1).values.diff(dim=-1) > 0).all()), f"layer {layer}: a row is read twice by one head"
        assert not bool((differs & ~near).any()), f"layer {layer}: rows that are not the best were read"
        worst = sums.gather(-1, read_rows).amin(-1)
        assert bool((worst >= best[..., k - 1] - bound).all()), f"layer {layer}: a row below the {k} best was read"
        self.lookups += near.numel()
        self.near += int(near.sum())
        self.followed += int(differs.sum())
        return read_rows

    def run(self, batch):
        """Sample by sample: logits (T, V), loss, gradients, and the sums of their squares over the samples."""
        logits, loss, names = [], 0.0, list(self.w)
        grads, squares = ({n: torch.zeros_like(w) for n, w in self.w.items()} for _ in range(2))
        for self.of_sample in range(len(batch.inputs)):
            one = batch.sample(self.of_sample)
            scores = self.logits(one)
            minimised, part = self.loss(scores, one)
            loss += part.item()
            logits.append(scores.detach().flatten(0, 1))
            for n, g in zip(names, torch.autograd.grad(minimised, [self.w[n] for n in names], allow_unused=True)):
                if g is not None:  # None: a sample that reaches no parameter of this name
                    grads[n] += g
                    squares[n] += g * g
        return torch.cat(logits), loss, grads, squares


class Differences:
    """The largest differences of a variant, each as a share of its tolerance, and what was out of bounds."""

    def __init__(self):
        self.worst, self.relative, self.faults = {}, {}, []

    def compare(self, kind, name, found, wanted, tolerance):
        found, wanted, tolerance = (torch.as_tensor(t, dtype=torch.float64) for t in (found, wanted, tolerance))
        off = (found - wanted).abs()
        share = torch.where(off == 0, 0.0, off / tolerance).nan_to_num(nan=float("inf")).max().item()
        self.worst[kind] = max(self.worst.get(kind, 0.0), share)
        size = wanted.abs().max().item()
        self.relative[kind] = max(self.relative.get(kind, 0.0), off.max().item() / size if size else 0.0)
        if share > 1:
            self.faults.append(f"{name}: off by {off.max().item():.3g}, {share:.3g} of the tolerance, largest element {size:.3g}")

    def require(self, condition, text):
        if not condition:
            self.faults.append(text)


class Run:
    """One variant's run and record, and the comparisons."""

    def __init__(self, folder):
        self.folder = folder
        self.config = yaml.safe_load(tensors(folder / "runs/run/checkpoints/step_000001")[1]["config"])
        self.model, self.optimizer = self.config["model"], self.config["optimizer"]
        train = self.config["train"]
        self.bounds = Bounds(self.model, train["sequence"], train["sequence"] * train["batch"])
        lines = (folder / "runs/run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
        self.metrics = {m["step"]: m for m in map(json.loads, lines) if m["kind"] == "step"}
        self.forget()

    def forget(self):
        """Nothing has been compared."""
        self.diff = Differences()
        self.lookups = self.near = self.followed = self.weights = self.loose = 0

    @functools.lru_cache(maxsize=2)
    def state(self, step):
        """State after a step: the recorder's before the first, the trainer's checkpoints then."""
        return tensors(self.folder / ("record/start/step_000000" if step == 0 else f"runs/run/checkpoints/step_{step:06}"))[0]

    @functools.lru_cache(maxsize=STEPS)
    def record(self, step):
        return tensors(self.folder / f"record/step_{step:06}")[0]

    def batch(self, record):
        eos = 256  # of the byte tokenizer
        wanted = batch_arrays(record["sample.tokens"].numpy(), eos, self.config["data"]["document_mask"])
        made = [record["batch." + n].numpy() for n in ("inputs", "targets", "positions", "document_start")]
        made[3] = made[3] - np.arange(len(made[3])) // wanted[0].shape[1] * wanted[0].shape[1]  # first of the batch, of the sample
        for name, w, found in zip(("inputs", "targets", "positions", "starts"), wanted, made):
            self.diff.require(np.array_equal(w.ravel(), found), f"{name} of the batch are not as the method says")
        return Batch(*(torch.from_numpy(w) for w in wanted))

    def rule(self, name, w, step):
        return adamw.rule(self.optimizer, adamw.group_of(name, w), step, self.config["train"]["steps"])

    def current(self, state, step):
        """Weights and moments as the forward of `step` sees them: rows that lag behind are brought up to date."""
        names = [n for n in state if not n.startswith("optimizer.")]
        now = {n: (state[n], state["optimizer.m." + n], state["optimizer.v." + n]) for n in names}
        last = state.get("optimizer.last." + adamw.VALUES)
        if last is not None:
            now[adamw.VALUES] = adamw.catch_up(*now[adamw.VALUES], last, step - 1,
                                               lambda t: self.rule(adamw.VALUES, state[adamw.VALUES], t))
        return now

    def check_step(self, step):
        record, before, after = self.record(step), self.state(step - 1), self.state(step)
        batch, now = self.batch(record), self.current(before, step)
        rows = [record[f"rows.{i}"] for i in range(sum(n.startswith("rows.") for n in record))]
        referee = Referee(self.model, {n: s[0] for n, s in now.items()}, rows, self.bounds.forward)
        logits, loss, grads, squares = referee.run(batch)
        for count in ("lookups", "near", "followed"):
            setattr(self, count, getattr(self, count) + getattr(referee, count))
        size = logits.abs().max()
        self.diff.compare("logits", f"step {step}, logits", record["logits"], logits, self.bounds.forward * size)
        metrics = self.metrics[step]
        self.diff.require(metrics["targets"] == batch.target_count, f"step {step}: {metrics['targets']} targets")
        self.diff.compare("loss", f"step {step}, loss", metrics["loss"], loss,
                          2 * self.bounds.forward * size)  # two logits meet in it: lse and the target's
        off = {n: self.bounds.gradient(s) for n, s in squares.items()}
        for n, g in grads.items():
            self.diff.compare("gradients", f"step {step}, gradient of {n}", record["grad." + n], g, off[n])
            off[n] = torch.where((g == 0) & (record["grad." + n] == 0), 0.0, off[n])  # no contribution, none that rounds
        norms, scales = adamw.clip_scales(self.optimizer, grads)
        for wanted, key in zip(norms, ("grad_norm", "grad_norm_values")):
            self.diff.compare("norms", f"step {step}, {key}", metrics[key], wanted, self.bounds.backward * wanted)
        self.check_update(step, before, now, after, grads, off, scales)

    def check_update(self, step, before, now, after, grads, off_grads, scales):
        last = "optimizer.last." + adamw.VALUES
        for name, state in now.items():
            scale = scales[name == adamw.VALUES]
            g, off = scale * grads[name], 2 * scale * off_grads[name]  # of the gradient, and of the norm
            found = [after[n] for n in (name, "optimizer.m." + name, "optimizer.v." + name)]
            if name == adamw.VALUES and last in before:  # exact: rows that are read are at this step, others wait
                touched = after[last] == step
                was_read = torch.zeros_like(touched)
                was_read[torch.cat([r.flatten() for n, r in self.record(step).items() if n.startswith("rows.")]).long()] = True
                self.diff.require(torch.equal(touched, was_read), f"step {step}: other rows are touched than read")
                for n, f in zip((name, "optimizer.m." + name, "optimizer.v." + name, last), found + [after[last]]):
                    self.diff.require(torch.equal(f[~touched], before[n][~touched]), f"step {step}: a row of {n} moved unread")
                missed = (step - 1 - before[last][touched])[:, None]
                state, found = tuple(s[touched] for s in state), [f[touched] for f in found]
                g, off = g[touched], off[touched]
            else:
                missed = 0
            r = self.rule(name, before[name], step)
            wanted = adamw.adamw(*state, g, r)
            bounds = self.bounds.update(state, wanted, g, off, r, missed)
            for kind, f, w, b in zip(("weights", "first moments", "second moments"), found, wanted, bounds):
                self.diff.compare(kind, f"step {step}, {kind} of {name}", f, w, b)
            self.weights += g.numel()
            self.loose += int((bounds[0] > r["lr"]).sum())

    def check_free_run(self):
        """All rows in every step, from the initial state alone."""
        now, worst = self.current(self.state(0), 1), 0.0
        for step in range(1, STEPS + 1):
            free = Llama(self.model, {n: s[0] for n, s in now.items()})
            batch = self.batch(self.record(step))
            minimised, loss = free.loss(free.logits(batch), batch)
            minimised.backward()
            grads = {n: w.grad for n, w in free.w.items()}
            scales = adamw.clip_scales(self.optimizer, grads)[1]
            now = {n: adamw.adamw(*s, scales[n == adamw.VALUES] * grads[n], self.rule(n, s[0], step)) for n, s in now.items()}
            worst = max(worst, abs(self.metrics[step]["loss"] / loss.item() - 1))
        self.diff.require(worst <= 1e-4, f"free run: losses apart by {worst:.3g}")
        return worst


def make_run(name, mneme, recorder, folder):
    model, optimizer = VARIANTS[name]
    folder.mkdir()
    write_text(folder / "text.txt")
    (folder / "run.yaml").write_text(RUN.format(model=model, optimizer=optimizer, steps=STEPS), encoding="utf-8")
    for command in ([mneme, "prep", "text", "text.txt", "--documents", "paragraph", "--output", "text.h5"],
                    [mneme, "train", "run.yaml"], [recorder, "run.yaml", "record"]):
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return Run(folder)


def check_variant(name, run):
    """Faults of a variant; prints its figures."""
    for step in range(1, STEPS + 1):
        run.check_step(step)
    free = run.check_free_run()
    print(f"{name}: free run {free:.2g}")
    print(f"  near ties {run.near} of {run.lookups} lookups, followed {run.followed}; weights with a bound above lr: "
          f"{run.loose} of {run.weights}")
    print("  share of the tolerance (relative to the largest element): " +
          ", ".join(f"{k} {s:.2g} ({run.diff.relative[k]:.2g})" for k, s in run.diff.worst.items()))
    run.diff.require(run.near <= run.lookups / 100, f"{run.near} near ties in {run.lookups} lookups")
    run.diff.require(run.loose <= run.weights / 100, f"{run.loose} of {run.weights} weights are hardly checked")
    return run.diff.faults


def is_reported(run, fault):
    """Whether two steps with a planted fault are reported."""
    run.forget()
    try:
        with plant(*fault):
            for step in (STEPS // 2, STEPS // 2 + 1):
                run.check_step(step)
    except AssertionError:
        return True
    return bool(run.diff.faults)


def check_all(names, make):
    failed = 0
    for name in names:
        try:
            faults = check_variant(name, make(name))
        except (AssertionError, subprocess.CalledProcessError, KeyError):
            faults = [traceback.format_exc()]
        failed += bool(faults)
        print("\n".join(["FAILED " + name] + faults[:20] if faults else ["ok     " + name]), flush=True)
    print(f"{len(names) - failed} passed, {failed} failed, 0 skipped")
    return int(failed > 0)


def self_test(make):
    runs, lost = {}, []
    faults = planted(Referee)
    for name, (variant, *fault) in faults.items():
        if variant not in runs:
            runs[variant] = make(variant)
            if is_reported(runs[variant], (torch, "sigmoid", lambda f: f)):
                raise RuntimeError(f"{variant} is at fault with none planted: {runs[variant].diff.faults}")
        if not is_reported(runs[variant], fault):
            lost.append(name)
            print(f"planted, but not reported: {name}")
    print(f"{len(faults) - len(lost)} passed, {len(lost)} failed, 0 skipped")
    return int(bool(lost))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mneme", type=Path, required=True)
    parser.add_argument("--recorder", type=Path, required=True)
    parser.add_argument("--self-test", action="store_true", help="plant faults in the referee and see each reported")
    parser.add_argument("variants", nargs="*", default=list(VARIANTS))
    a = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        def make(name):
            return make_run(name, a.mneme.resolve(), a.recorder.resolve(), Path(folder) / name)
        return self_test(make) if a.self_test else check_all(a.variants, make)


if __name__ == "__main__":
    sys.exit(main())
