"""Faults of the referee, each of which compare_test.py --self-test must see reported: (variant, what is replaced)."""
from unittest import mock

import torch

import adamw
import llama


def scaled_scores(original):
    return lambda self, q, name, half: original(self, q, name, half) * 1.0001


def sees_other_documents(original):
    def attention(self, x, name, batch, turn):
        batch.inside = torch.ones_like(batch.inside).tril()
        return original(self, x, name, batch, turn)
    return attention


def moments_of_the_step_before(original):
    return lambda m, v, r: original(m, v, {**r, "step": r["step"] + 1})


def eps_inside_the_root(original):
    def direction(m, v, r):
        inside = {**r, "eps": 0.0}
        return original(m, v + r["eps"] ** 2 * (1 - r["beta2"] ** r["step"]), inside)
    return direction


def clipped_together(original):
    def scales(optimizer, grads):
        norms, (main, values) = original(optimizer, grads)
        return norms, (min(main, values),) * 2
    return scales


def decay_last(original):
    def step(w, m, v, g, r):
        moved, m, v = original(w, m, v, g, {**r, "decay": 0.0})
        return moved * (1 - r["lr"] * r["decay"]), m, v
    return step


def everything_decays(original):
    return lambda optimizer, group, step, steps: {**original(optimizer, group, step, steps), "decay": 0.1}


def next_row(original):
    """As if the lookup had read the neighbour of its first row."""
    def choose_rows(self, s1, s2, layer):
        rows = self.rows[layer].clone()
        rows[0, 0] = (rows[0, 0] + 1) % len(self.w["pool.values"])
        self.rows = [*self.rows[:layer], rows, *self.rows[layer + 1:]]
        return original(self, s1, s2, layer)
    return choose_rows


def counts_all_targets(original):
    return lambda self, logits, batch: tuple(x * batch.target_count / batch.targets.numel() for x in original(self, logits, batch))


def planted(referee):
    """name -> (variant, owner, attribute, wrapper of the original); referee: the class that follows the rows read."""
    memory = "memory_exact_decay"
    return {
        "another eps in the norms": (memory, llama, "rms_norm", lambda f: lambda x, gain, eps: f(x, gain, 1.5 * eps)),
        "rotary angles that grow too fast": (memory, llama.Llama, "rotations", lambda f: lambda self, p, d: f(self, p * 1.001, d)),
        "attention across documents": (memory, llama.Llama, "attention", sees_other_documents),
        "scores with another scale": (memory, llama.Llama, "half_scores", scaled_scores),
        "a lookup that reads another row": (memory, referee, "choose_rows", next_row),
        "a loss per token instead of per target": (memory, llama.Llama, "loss", counts_all_targets),
        "bias correction of another step": (memory, adamw, "direction", moments_of_the_step_before),
        "decay after the step": (memory, adamw, "adamw", decay_last),
        "decay of all groups": (memory, adamw, "rule", everything_decays),
        "one factor for both clip sets": (memory, adamw, "clip_scales", clipped_together),
        "unread rows that wait": (memory, adamw, "catch_up", lambda f: lambda w, m, v, last, step, rules: (w, m, v)),
        "a schedule one step late": (memory, adamw, "schedule_factor", lambda f: lambda c, step, steps: f(c, step - 1, steps)),
        "no z-loss": ("dense", llama.Llama, "loss", lambda f: lambda self, logits, batch: (f(self, logits, batch)[1],) * 2),
        "a gate that is not clamped by sigmoid": ("memory_beside", torch, "sigmoid", lambda f: lambda x: 0.5 + 0.2499 * x),
        "eps inside the root": ("memory_beside", adamw, "direction", eps_inside_the_root),
    }


def plant(owner, attribute, wrapper):
    return mock.patch.object(owner, attribute, wrapper(getattr(owner, attribute)))
