"""What docs/method.md says of samples: from up to S+1 tokens to inputs, targets, positions and document starts."""
import numpy as np


def sample_arrays(tokens, eos, document_mask):
    """tokens: S+1 ids, -1 where the stream has ended. Returns inputs, targets (-1: ignored), positions and the
    place in the sample of each token's document, all (S)."""
    sequence = len(tokens) - 1
    real = [int(t) for t in tokens if t >= 0]
    inputs = (real + [eos] * len(tokens))[:sequence]
    targets, positions, starts, start = [], [], [], 0
    for i in range(sequence):
        ends_here = document_mask and i > 0 and (inputs[i - 1] == eos or i == len(real))
        if ends_here and i <= len(real):  # what fills a short sample is one document
            start = i
        follows = i + 1 < len(real) and not (document_mask and inputs[i] == eos)
        targets.append(real[i + 1] if follows else -1)
        starts.append(start)
        positions.append(i - start)
    return tuple(np.array(a) for a in (inputs, targets, positions, starts))


def batch_arrays(samples, eos, document_mask):
    """The same for samples (B, S+1): four arrays (B, S)."""
    parts = [sample_arrays(s, eos, document_mask) for s in samples]
    return tuple(np.stack(p) for p in zip(*parts))
