"""The decoder with memory layers in PyTorch, written from docs/method.md: the referee of tests/oracle and the
opponent in tools/bench/against_pytorch.py. Parameters have mneme's names and layouts; autograd gives the gradients.

Letters as in docs/glossary.md: T tokens, S sequence, C channels, H memory heads, N half-keys, k reads per head.
"""
import math

import torch
import torch.nn.functional as F


def memory_config(model):
    """The memory layers with every default filled in; no layers for ffn: dense."""
    m = dict(model["memory"])
    plus = model["ffn"] == "memory_plus"
    if model["ffn"] == "dense":
        return {"layers": []}
    assert m["keys"] == "product" and m["share"] == "all" and m["share_keys"] == "none" and m["query_norm"] == "none"
    if m["layers"] is None:
        raise ValueError("model.memory.layers must be given")
    m["key_width"] = m["key_width"] or (model["channels"] // 2 if plus else 256)
    m["value_width"] = m["value_width"] or model["channels"]
    m["gate"] = m["gate"] or ("silu" if plus else "none")
    return m


def rms_norm(x, gain, eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * gain


class Batch:
    """Whole samples of S tokens: inputs, targets (-1: ignored), positions, and for attention the first token of
    each token's document; all (B, S). `inside` (B or 1, 1, S, S): whether a query may see a key."""

    def __init__(self, inputs, targets, positions, first, target_count=None):
        self.inputs, self.targets, self.positions, self.first = inputs, targets, positions, first
        at = torch.arange(inputs.shape[1])
        seen = (at[None, None, :] <= at[None, :, None]) & (at[None, None, :] >= first[:, :, None])
        self.inside = seen[:1, None] if bool((first == 0).all()) else seen[:, None]
        self.target_count = target_count or int((targets >= 0).sum())  # of the global batch

    def sample(self, i):
        """One sample of the batch, with the batch's count of targets."""
        parts = (t[i : i + 1] for t in (self.inputs, self.targets, self.positions, self.first))
        return Batch(*parts, target_count=self.target_count)


class Llama:
    """model: the config's section; weights: name -> tensor, of any floating type, made leaves of autograd."""

    def __init__(self, model, weights, sparse_pool=False):
        self.model, self.memory, self.sparse_pool = model, memory_config(model), sparse_pool
        self.w = {name: w.detach().clone().requires_grad_() for name, w in weights.items()}
        self.heads = model["heads"]
        self.kv_heads = model["kv_heads"] or self.heads
        self.width = model["head_width"] or model["channels"] // self.heads
        self.eps = float(model["norm_eps"])

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w.get(name + ".bias"))

    def norm(self, x, name):
        return rms_norm(x, self.w[name + ".weight"], self.eps)

    def rotations(self, positions, dtype):
        """cos and sin (B, S, 1, width) of each token's angles; both halves of a head turn alike."""
        half = torch.arange(self.width // 2, dtype=torch.float64)
        angles = positions[..., None] * float(self.model["rope_theta"]) ** (-2 * half / self.width)
        angles = torch.cat([angles, angles], -1)[:, :, None]
        return angles.cos().to(dtype), angles.sin().to(dtype)

    def attention(self, x, name, batch, turn):
        b, s, _ = x.shape
        rotated = self.heads + self.kv_heads
        qkv = self.linear(x, name + ".qkv").view(b, s, rotated + self.kv_heads, self.width)
        qk, v = qkv[:, :, :rotated], qkv[:, :, rotated:].transpose(1, 2)
        left, right = qk.chunk(2, -1)
        qk = (qk * turn[0] + torch.cat([-right, left], -1) * turn[1]).transpose(1, 2)
        q, k = qk[:, : self.heads], qk[:, self.heads:]
        if self.kv_heads != self.heads:
            k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (k, v))
        scores = torch.matmul(q * (1 / math.sqrt(self.width)), k.transpose(2, 3))
        out = torch.matmul(scores.masked_fill_(~batch.inside, -math.inf).softmax(-1), v)
        return self.linear(out.transpose(1, 2).reshape(b, s, self.heads * self.width), name + ".out")

    def ffn(self, x, name):
        return self.linear(F.silu(self.linear(x, name + ".w1")) * self.linear(x, name + ".w3"), name + ".w2")

    def choose_rows(self, s1, s2, layer):
        """Rows (T, H, k) of the k largest sums s1[i1] + s2[i2]; s1, s2 (T, H, N)."""
        k, n = self.memory["top_k"], self.memory["half_keys"]
        v1, i1 = s1.topk(k, -1)
        v2, i2 = s2.topk(k, -1)
        pair = (v1[..., :, None] + v2[..., None, :]).flatten(-2).topk(k, -1).indices
        return i1.gather(-1, pair.div(k, rounding_mode="floor")) * n + i2.gather(-1, pair % k)

    def half_scores(self, q, name, half):
        """(T, H, N) of half-queries q (T, H, D/2) with the layer's half-keys."""
        keys = self.w[f"{name}.keys{half}"]
        if self.memory["qk_norm"] == "rms":
            q = rms_norm(q, self.w[f"{name}.query_norm{half}"], self.eps)
            keys = rms_norm(keys, self.w[f"{name}.key_norm{half}"], self.eps) / math.sqrt(q.shape[-1])
        return torch.matmul(q.transpose(0, 1), keys.transpose(1, 2)).transpose(0, 1)

    def memory_layer(self, x, name, layer):
        m = self.memory
        flat = x.reshape(-1, x.shape[-1])
        q = self.linear(flat, name + ".query").view(len(flat), 2, m["heads"], -1)
        s1, s2 = self.half_scores(q[:, 0], name, 1), self.half_scores(q[:, 1], name, 2)
        with torch.no_grad():
            rows = self.choose_rows(s1, s2, layer)
            i1 = rows.div(m["half_keys"], rounding_mode="floor")
        scores = s1.gather(-1, i1) + s2.gather(-1, rows - i1 * m["half_keys"])
        y = F.embedding_bag(rows.flatten(1), self.w["pool.values"], per_sample_weights=scores.softmax(-1).flatten(1),
                            mode="sum", sparse=self.sparse_pool)
        if m["gate"] == "silu":
            out = self.linear(y * F.silu(self.linear(flat, name + ".w1")), name + ".w2")
        else:
            out = self.linear(y, name + ".project") if name + ".project.weight" in self.w else y
            if m["gate"] == "sigmoid":
                out = torch.sigmoid(self.linear(flat, name + ".gate")) * out
        return out.view_as(x)

    def logits(self, batch):
        """(B, S, V)"""
        h = F.embedding(batch.inputs, self.w["embedding.weight"])
        turn = self.rotations(batch.positions, h.dtype)
        for b in range(self.model["blocks"]):
            name = f"layers.{b}."
            h = h + self.attention(self.norm(h, name + "attention_norm"), name + "attention", batch, turn)
            x = self.norm(h, name + "ffn_norm")
            has_memory = b in self.memory["layers"]
            if has_memory:
                h = h + self.memory_layer(x, name + "memory", self.memory["layers"].index(b))
            if not has_memory or self.memory["placement"] == "beside":
                h = h + self.ffn(x, name + "ffn")
        head = "embedding.weight" if self.model["tie_embeddings"] else "head.weight"
        return F.linear(self.norm(h, "norm"), self.w[head])

    def loss(self, logits, batch):
        """(what is minimised, mean -log p of the targets): they differ by the z-loss."""
        logits, targets = logits.flatten(0, 1), batch.targets.flatten()
        loss = F.cross_entropy(logits, targets, ignore_index=-1, reduction="sum") / batch.target_count
        z = float(self.model["z_loss"])
        if z == 0:
            return loss, loss
        lse = logits[targets >= 0].logsumexp(-1)
        return loss + z * lse.square().sum() / batch.target_count, loss
