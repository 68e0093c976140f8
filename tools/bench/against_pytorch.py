#!/usr/bin/env python3
"""The whole training step of mneme against the same model in PyTorch: forward, backward, clipping, AdamW, on 2 threads.

Both first compute the loss of the same samples with the same weights, so that equal models are timed. Then repetitions
alternate on this machine: `mneme bench step` on one rank, and the PyTorch model of tests/oracle with fused AdamW lists.
Each pool mode has the PyTorch optimizer that computes the same: exact (mneme's default) AdamW over all rows, lazy SparseAdam;
PyTorch uses the quicker of its ways to a pool gradient. Needs python3-torch, python3-h5py, python3-yaml.
Exit status 1 when the losses differ.

Example: tools/bench/against_pytorch.py --mneme build/cpu/mneme --configs tiny_dense tiny_memory
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/oracle"))
import adamw  # noqa: E402  (found through the line above)
from llama import Batch, Llama  # noqa: E402
from read_checkpoint import read  # noqa: E402
from samples import batch_arrays  # noqa: E402

TINY = "base: {root}/configs/tiny/{file}.yaml\nmodel: {{vocabulary: 4096{more}}}\n"
MEDIUM = """model: {{channels: 512, blocks: 6, heads: 8, ffn_hidden: 1536, vocabulary: 8192, {more}}}
train: {{steps: 100, sequence: 512, batch: 2}}
"""
POOL = "ffn: memory_plus, memory: {{layers: [1, 3, 5], heads: 4, top_k: 16, half_keys: 256}}"
CONFIGS = {
    "tiny_dense": TINY.format(root=ROOT, file="dense_cpu", more=""),
    "tiny_memory": TINY.format(root=ROOT, file="memory_cpu", more=""),
    "medium_dense": MEDIUM.format(more="ffn: dense"),
    "medium_memory": MEDIUM.format(more=POOL.format()),
}
COMMON = """name: run
data:
  train: [{{name: text, files: [text.h5]}}]
  validation: [{{name: text, files: [text.h5], max_samples: 4}}]
  tokenizer: ""
  probes: ""
runtime: {{threads: {threads}}}
report: {{tensorboard: false, validate_every: 0}}
"""


def call(command, folder):
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 75):  # 75: stopped where it was told to
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def first_step(mneme, config, folder):
    """After one step: the effective config, the weights, and mneme's loss of the first samples of the text."""
    call([mneme, "train", config, "--set", "train.steps=1"], folder)
    arrays, meta = read(folder / "runs/run/checkpoints/step_000001")
    weights = {n: torch.from_numpy(a) for n, a in arrays.items() if not n.startswith("optimizer.")}
    lines = map(json.loads, (folder / "runs/run/metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return yaml.safe_load(meta["config"]), weights, next(m["loss"] for m in lines if m["kind"] == "validation")


def first_samples(config, count):
    """The first samples of text.h5: its bytes, one document, EOS 256 at the end."""
    sequence = config["train"]["sequence"]
    text = list(TEXT.encode()) + [256]
    samples = [text[i * sequence : (i + 1) * sequence + 1] for i in range(count)]
    return Batch(*map(torch.from_numpy, batch_arrays(samples, 256, True)))


class Opponent:
    """The PyTorch side: a model and its optimizers, stepped on random tokens, one document per sample."""

    def __init__(self, config, weights, lazy, sparse):
        self.config, self.lazy, self.sparse = config, lazy, sparse
        self.model = Llama(config["model"], weights, sparse_pool=sparse)
        self.values = self.model.w.get(adamw.VALUES)
        self.main = [w for n, w in self.model.w.items() if n != adamw.VALUES]
        groups = {}
        for name, w in self.model.w.items():
            if not (lazy and name == adamw.VALUES):
                groups.setdefault(adamw.group_of(name, w), []).append(w)
        rules = {g: adamw.rule(config["optimizer"], g, 100, 1000) for g in (*groups, "memory_values")}
        self.optimizers = [torch.optim.AdamW([{"params": ws, **options(rules[g])} for g, ws in groups.items()], foreach=True)]
        if lazy:
            o = options(rules["memory_values"])
            o.pop("weight_decay")
            self.optimizers.append(torch.optim.SparseAdam([self.values], **o))

    def step(self, batch):
        for o in self.optimizers:
            o.zero_grad(set_to_none=True)
        self.model.loss(self.model.logits(batch), batch)[0].backward()
        limits = self.config["optimizer"]
        torch.nn.utils.clip_grad_norm_(self.main, float(limits["clip"]))
        if self.values is not None:
            if self.sparse:  # one entry per row, or all rows
                self.values.grad = self.values.grad.coalesce() if self.lazy else self.values.grad.to_dense()
            g = self.values.grad.values() if self.lazy else self.values.grad
            g.mul_(torch.clamp(float(limits["clip_values"]) / (g.norm() + 1e-6), max=1.0))
        for o in self.optimizers:
            o.step()

    def time(self, steps):
        """Median seconds of a step; the first two warm up."""
        batch, sequence = self.config["train"]["batch"], self.config["train"]["sequence"]
        seconds = []
        for _ in range(steps + 2):
            tokens = torch.randint(self.config["model"]["vocabulary"], (batch, sequence + 1))
            positions = torch.arange(sequence).expand(batch, -1)
            b = Batch(tokens[:, :-1], tokens[:, 1:], positions, torch.zeros_like(positions))
            begin = time.perf_counter()
            self.step(b)
            seconds.append(time.perf_counter() - begin)
        return statistics.median(seconds[2:])


def options(rule):
    return {"lr": rule["lr"], "betas": (rule["beta1"], rule["beta2"]), "eps": rule["eps"], "weight_decay": rule["decay"]}


def quickest(config, weights, lazy):
    """Of the ways to a gradient of the pool."""
    if adamw.VALUES not in weights:
        return Opponent(config, weights, False, False), ""
    if lazy:
        return Opponent(config, weights, True, True), "sparse gradient, SparseAdam"
    ways = {"dense gradient": False, "sparse gradient made dense": True}
    timed = {}
    for name, sparse in ways.items():
        timed[name] = Opponent(config, weights, False, sparse).time(1)
    best = min(timed, key=timed.get)
    return Opponent(config, weights, False, ways[best]), f"{best}, AdamW on all rows"


def time_mneme(mneme, config, folder, steps, mode):
    out = call([mneme, "bench", "step", config, "--steps", steps, "--set", f"optimizer.pool_update={mode}"], folder)
    return float(re.search(r"step +([\d.]+) s median", out).group(1))


def shown(name, seconds):
    return f"{name} {statistics.median(seconds):8.4f} s ({min(seconds):.4f} to {max(seconds):.4f})"


def compare(name, mneme, a, folder):
    """Prints the figures of one config; whether the losses agree."""
    folder.mkdir()
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    call([mneme, "prep", "text", "text.txt", "--documents", "file", "--output", "text.h5"], folder)
    text = yaml.safe_load(CONFIGS[name]) | yaml.safe_load(COMMON.format(threads=a.threads))
    (folder / "run.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    config, weights, loss = first_step(mneme, "run.yaml", folder)
    config["train"]["steps"] = 1000
    with torch.no_grad():
        model, batch = Llama(config["model"], weights), first_samples(config, 4)
        own = model.loss(model.logits(batch), batch)[1].item()
    agree = abs(own / loss - 1) < 1e-5
    parameters = sum(w.numel() for w in weights.values())
    print(f"{name}: {parameters / 1e6:.1f}M parameters, {config['train']['batch']} x {config['train']['sequence']} tokens; "
          f"loss of the same samples: mneme {loss:.6f}, PyTorch {own:.6f}{'' if agree else '  DIFFER'}")
    if not agree:
        return False
    for mode in a.modes if adamw.VALUES in weights else ["exact"]:
        opponent, way = quickest(config, weights, mode == "lazy")
        ours, theirs = [], []
        for _ in range(a.repeat):
            ours.append(time_mneme(mneme, "run.yaml", folder, a.steps, mode))
            theirs.append(opponent.time(a.steps))
        ratios = [t / o for o, t in zip(ours, theirs)]
        label = f"pool_update: {mode}; PyTorch: {way}" if way else "dense"
        print(f"  {label}\n    {shown('mneme  ', ours)}\n    {shown('PyTorch', theirs)}\n    mneme is "
              f"{statistics.median(ratios):.2f} times as quick ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)
    return True


# 40 KB, enough for four samples of any config here.
TEXT = "".join(f"{i * i} is the square of {i}; " for i in range(1500))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mneme", type=Path, default=ROOT / "build/cpu/mneme")
    parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=list(CONFIGS))
    parser.add_argument("--modes", nargs="+", choices=["exact", "lazy", "dense"], default=["exact", "lazy"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5, help="timed per repetition")
    parser.add_argument("--repeat", type=int, default=5)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        agree = [compare(name, a.mneme.resolve(), a, Path(folder) / name) for name in a.configs]
    return int(not all(agree))


if __name__ == "__main__":
    sys.exit(main())
