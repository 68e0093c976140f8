#!/usr/bin/env python3
"""Reads a mneme checkpoint with h5py:  read_checkpoint.py STEP_FOLDER [FOLDER_FOR_RAW_ELEMENTS]"""
import json
import sys
from pathlib import Path

import h5py
import numpy as np


def read(folder):
    """All tensors by name, put together from the ranks' files, and what the trainer noted."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    tensors = {}
    for item in manifest["items"]:
        for block in item["blocks"]:
            with h5py.File(folder / block["file"], "r") as file:
                part = file[block["dataset"]][()]
            whole = tensors.setdefault(item["name"], np.empty(item["shape"], part.dtype))
            whole[tuple(slice(s, s + n) for s, n in zip(block["start"], block["count"]))] = part
        tensors.setdefault(item["name"], np.empty(item["shape"]))
    return tensors, manifest["meta"]


if __name__ == "__main__":
    checkpoint = Path(sys.argv[1])
    with h5py.File(checkpoint / "index.h5", "r") as index:  # the same tensors, put together by HDF5
        for n, (name, tensor) in enumerate(read(checkpoint)[0].items()):
            assert np.array_equal(index[name][()], tensor), name
            print(name, tensor.dtype, tensor.shape)
            if len(sys.argv) > 2:
                (Path(sys.argv[2]) / f"{n}.bin").write_bytes(tensor.tobytes())
