#!/usr/bin/env python3
"""Each op has all its parts: a comment, a CPU file, a test that calls it, a line in docs/ops.md.

--self-test takes each part away in a copy of the tree and must see it missed.
"""
import re
import sys
from pathlib import Path

import selftest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import ops_doc  # noqa: E402  (found through the line above)


def tests_of(root, path):
    """Text of the tests below tests/kernels that include this header."""
    texts = (t.read_text(encoding="utf-8") for t in sorted((root / "tests/kernels").rglob("*_test.cpp")))
    return "\n".join(t for t in texts if f'#include "{path}"' in t)


def check(root):
    faults = []
    listed = root / "docs/ops.md"
    if not listed.exists() or listed.read_text(encoding="utf-8") != ops_doc.page(root):
        faults.append("docs/ops.md is not what the headers say: run tools/ops_doc.py")
    for header, ops in ops_doc.op_headers(root):
        path = header.relative_to(root).as_posix()
        if not header.with_suffix(".cpp").exists():
            faults.append(f"{path}: there is no {header.with_suffix('.cpp').name} beside it")
        tests = tests_of(root, path)
        said = ops_doc.comments(header.read_text(encoding="utf-8"))
        for op, arguments in ops:
            if not re.search(rf"\b{op}\(", tests):
                faults.append(f"{path}: no test in tests/kernels that includes it calls {op}")
            if not (said.get(arguments) or said.get(op)):
                faults.append(f"{path}: no comment says what {op} computes")
    return faults


def drop_test_of(op):
    def apply(root):
        for test in (root / "tests/kernels").rglob("*_test.cpp"):
            text = test.read_text(encoding="utf-8")
            test.write_text(re.sub(rf"\b{op}\(", "another(", text), encoding="utf-8")
    return apply


PLANTED = {
    "an op without a CPU file": (lambda root: (root / "kernels/norm/rmsnorm.cpp").unlink(), "there is no rmsnorm.cpp"),
    "an op without a test": (drop_test_of("rmsnorm_backward"), "calls rmsnorm_backward"),
    "an op without a comment": (lambda root: selftest.replace(root / "kernels/norm/rmsnorm.h", "/// y[t,c]", "// y[t,c]"),
                                "what rmsnorm_forward computes"),
    "an op that the page does not list": (lambda root: selftest.replace(root / "docs/ops.md", "`rmsnorm_forward`", "`norm`"),
                                          "run tools/ops_doc.py"),
}

if __name__ == "__main__":
    sys.exit(selftest.main(check, PLANTED, Path(__file__).resolve().parent.parent))
