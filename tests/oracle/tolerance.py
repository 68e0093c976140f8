"""How far an f32 computation may be from the referee's f64: computed from the unit roundoff and the lengths of sums.

A sum of n terms of either sign is of size sqrt(n) terms; each addition rounds a partial sum of size sqrt(i) terms by u, and
the roundings wander: the error is sqrt(n) * sqrt(n) * u = n*u terms (as in tests/support/tolerance.h), or sqrt(n) * u of the
result. Where sums follow one another their errors add: u * (sqrt(n1) + sqrt(n2) + ...) of the size of the tensor. For a gradient
that size is the largest element of sqrt(sum of squares) over the samples' gradients, which chance cannot cancel, otherwise the
tensor's own largest element. No factor is typed in.
"""
from math import sqrt

import torch

import adamw
from llama import memory_config

U = 2.0 ** -24  # unit roundoff of f32


def forward_sums(model, sequence):
    """Lengths of the sums on the longest way from a token to a logit."""
    c = model["channels"]
    width = model["head_width"] or c // model["heads"]
    m = memory_config(model)
    sums = []
    for b in range(model["blocks"]):
        sums += [c, c, width, sequence, sequence, model["heads"] * width]  # norm, qkv, scores, softmax, read, out
        sums += [c]  # the norm before what follows
        if b in m["layers"]:
            half = m["key_width"] // 2
            sums += [c, half, half, m["top_k"], m["heads"] * m["top_k"]]  # query, norm, scores, softmax, read
            sums += [c, m["value_width"]]  # gate or its like, projection
        if b not in m["layers"] or m["placement"] == "beside":
            sums += [c, model["ffn_hidden"]]
    return sums + [c, c]  # the last norm, the head


class Bounds:
    def __init__(self, model, sequence, tokens):
        self.forward = U * sum(map(sqrt, forward_sums(model, sequence)))
        # The softmax over the vocabulary, back along the same sums, and over the tokens.
        self.backward = 2 * self.forward + U * (sqrt(model["vocabulary"]) + sqrt(tokens))

    def gradient(self, squares):
        """squares: of the samples' gradients, summed over the samples."""
        return self.backward * squares.max().sqrt()

    def update(self, before, after, g, off, r, missed=0):
        """Bounds of AdamW's w, m, v: from `off`, the bound of the gradient g, passed on through the formulas, and four
        roundings of each term (a coefficient, two products, the sum) in this step and the `missed` ones replayed."""
        (w, m, v), (_, m1, v1) = before, after
        u, rest1, rest2 = U * (1 + missed), 1 - r["beta1"], 1 - r["beta2"]
        off_m = rest1 * off + 4 * u * (r["beta1"] * m.abs() + rest1 * g.abs())
        off_v = rest2 * (2 * g.abs() * off + off * off) + 4 * u * (r["beta2"] * v + rest2 * g * g)
        root = (v1 / (1 - r["beta2"] ** r["step"])).sqrt()
        # sqrt(a^2 + g^2) never moves by more than g does
        off_root = sqrt(rest2 / (1 - r["beta2"] ** r["step"])) * off + 4 * u * root
        d = adamw.direction(m1, v1, r).abs()
        off_d = (off_m / (1 - r["beta1"] ** r["step"]) + d * off_root) / (root - off_root).clamp(min=0).add(r["eps"])
        return 2 * u * w.abs() + r["lr"] * (off_d + 4 * u * d), off_m, off_v
