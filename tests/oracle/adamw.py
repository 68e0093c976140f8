"""What docs/method.md says of the optimizer: groups, schedules, two norms clipped apart, AdamW, rows that lag behind."""
import math

import torch

VALUES = "pool.values"


def group_of(name, w):
    if name in ("embedding.weight", "head.weight"):
        return "embedding"
    if name == VALUES:
        return "memory_values"
    if name.rsplit(".", 1)[-1] in ("keys1", "keys2"):
        return "memory_keys"
    return "vectors" if w.dim() == 1 else "matrices"


def schedule_factor(c, step, steps):
    warmup, floor = c["warmup"], float(c["floor"])
    if step < warmup:
        return step / warmup
    p = min(1.0, (step - warmup) / max(1, steps - warmup))
    if c["kind"] == "constant":
        return 1.0
    if c["kind"] == "linear":
        return 1 - (1 - floor) * p
    if c["kind"] == "cosine":
        return floor + (1 - floor) * (1 + math.cos(math.pi * p)) / 2
    if c["kind"] == "inverse_sqrt":
        return max(floor, math.sqrt(max(1, warmup) / step))
    share = float(c["decay_share"])
    return 1.0 if p <= 1 - share else 1 - (1 - floor) * (p - 1 + share) / share


def rule(optimizer, group, step, steps):
    """lr, decay, beta1, beta2, eps of a group in a step (from 1)."""
    g = optimizer[group]
    decays = group in ("matrices", "embedding")
    factor = schedule_factor(optimizer["schedule"], step, steps) if g["schedule"] == "follow" else 1.0

    def own(key, default):
        return float(default if g[key] is None else g[key])

    return {"lr": own("lr", optimizer["lr"]) * factor, "decay": own("weight_decay", optimizer["weight_decay"] if decays else 0),
            "beta1": own("beta1", optimizer["beta1"]), "beta2": own("beta2", optimizer["beta2"]),
            "eps": float(optimizer["eps"]), "step": step}


def clip_scales(optimizer, grads):
    """Norms of everything but the pool's rows and of these, and the factors of both."""
    def norm(chosen):
        return math.sqrt(sum(float(g.double().square().sum()) for g in chosen))
    norms = norm(g for n, g in grads.items() if n != VALUES), norm(g for n, g in grads.items() if n == VALUES)
    limits = float(optimizer["clip"]), float(optimizer["clip_values"])
    return norms, tuple(min(1.0, limit / (n + 1e-6)) for n, limit in zip(norms, limits))


def direction(m, v, r):
    """AdamW's step without lr: bias-corrected m / (sqrt(v) + eps)."""
    root = (v / (1 - r["beta2"] ** r["step"])).sqrt()
    return m / (1 - r["beta1"] ** r["step"]) / (root + r["eps"])


def adamw(w, m, v, g, r):
    """One step: new w, m, v. Decay first, eps outside the root."""
    m = r["beta1"] * m + (1 - r["beta1"]) * g
    v = r["beta2"] * v + (1 - r["beta2"]) * g * g
    return w * (1 - r["lr"] * r["decay"]) - r["lr"] * direction(m, v, r), m, v


def catch_up(w, m, v, last, step, rules):
    """pool_update: exact. Rows as of `step`: each replays the steps after its `last` with gradient zero."""
    w, m, v = w.clone(), m.clone(), v.clone()
    for t in range(int(last.min()) + 1, step + 1):
        late = last < t
        w[late], m[late], v[late] = adamw(w[late], m[late], v[late], torch.zeros_like(w[late]), rules(t))
    return w, m, v
