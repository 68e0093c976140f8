#!/usr/bin/env python3
"""Holds the sources against the tables of docs/architecture.md.

Fails on an include that goes upwards, on a library's header outside its folder, on preprocessor conditions and
macros outside the files that may have them, and on a folder that the table does not know.
--self-test plants one violation of each kind in a copy of the tree and must see it reported.
"""
import fnmatch
import re
import sys
from pathlib import Path

import selftest

CODE = re.compile(r"`([^`]+)`")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif|else)\b")
DEFINE = re.compile(r"^\s*#\s*(define|undef)\s+(\w+)")
MACROS = {"MNEME_CUDA_TRY", "MNEME_NCCL_TRY", "MNEME_HD"}
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}


def tables(text):
    """Rows of each Markdown table of the page, by the first word of the table's head."""
    result, rows = {}, None
    for line in text.splitlines():
        if not line.startswith("|"):
            rows = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if rows is None:
            rows = result.setdefault(cells[0], [])
        elif not set(cells[0]) <= set("-: "):
            rows.append(cells)
    return result


def reachable(folder, direct):
    seen, todo = set(), [folder]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += direct.get(name, [])
    return seen


class Rules:
    def __init__(self, page):
        found = tables(page)
        self.direct = {CODE.findall(r[0])[0]: CODE.findall(r[2]) for r in found["folder"]}
        self.allowed = {f: reachable(f, self.direct) for f in self.direct}
        self.libraries = [(CODE.findall(r[0]), CODE.findall(r[1])) for r in found["header begins with"]]
        self.preprocessor = [p for r in found["files"] for p in CODE.findall(r[0])]

    def folder_of_include(self, path):
        """The folder of the table that "first/rest.h" means; None for a path of no folder of ours."""
        first = path.split("/")[0]
        return next((f for f in (first, "src/" + first) if f in self.direct), None)

    def may_use_preprocessor(self, path):
        return any(fnmatch.fnmatch(path, p) or fnmatch.fnmatch(path.split("/")[-1], p) for p in self.preprocessor)

    def library_fault(self, path, header):
        for prefixes, places in self.libraries:
            if header.startswith(tuple(prefixes)) and not any(fnmatch.fnmatch(path, p) for p in places):
                return f"<{header}> may be seen in {', '.join(places)} only"
        return None


def folder_of(path):
    parts = path.split("/")
    return parts[0] if parts[0] == "kernels" else "/".join(parts[:2])


def faults_of_line(rules, path, folder, line):
    include = INCLUDE.match(line)
    if include:
        header = include[2]
        target = rules.folder_of_include(header) if include[1] == '"' else None
        if target is None:
            fault = rules.library_fault(path, header)
            if include[1] == '"':
                fault = f'"{header}" is in no folder of docs/architecture.md'
            return [fault] if fault else []
        if target not in rules.allowed[folder]:
            return [f'"{header}" goes upwards: {folder} may include {", ".join(sorted(rules.allowed[folder]))}']
        return []
    if rules.may_use_preprocessor(path):
        return []
    if CONDITION.match(line):
        return ["a preprocessor condition: put the choice into a file whose name says so, or into base/build_info.h.in"]
    define = DEFINE.match(line)
    if define and define[2] not in MACROS:
        return [f"macro {define[2]}: write a function, a template or a constant"]
    return []


def check(root):
    """All violations under root, as "path:line: sentence"."""
    rules = Rules((root / "docs/architecture.md").read_text(encoding="utf-8"))
    faults = list(build_faults(root, rules))
    for folder, direct in rules.direct.items():
        faults += [f"docs/architecture.md: {folder} names {d}, which has no row" for d in direct if d not in rules.direct]
        for other in reachable(folder, rules.direct) - {folder}:
            if folder in rules.allowed[other]:
                faults.append(f"docs/architecture.md: {folder} and {other} may include each other")
    for file in sorted(p for top in ("src", "kernels") for p in (root / top).rglob("*") if p.suffix in SUFFIXES):
        path = file.relative_to(root).as_posix()
        folder = folder_of(path)
        if folder not in rules.direct:
            faults.append(f"{path}: folder {folder} has no row in docs/architecture.md")
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            faults += [f"{path}:{number}: {fault}" for fault in faults_of_line(rules, path, folder, line)]
    return faults


def build_faults(root, rules):
    """CMakeLists.txt links the libraries as the table says."""
    linked = {}
    for path, words in re.findall(r"^mneme_folder\((\S+) +\S+(.*?)(?:LINK|\))", (root / "CMakeLists.txt").read_text(encoding="utf-8"),
                                  re.MULTILINE | re.DOTALL):
        names = words.replace("DEPENDS", "").split()
        linked[path] = {n if n in rules.direct else "src/" + n for n in names}
    for folder, direct in rules.direct.items():
        if folder == "src/app":  # a program, not a library
            continue
        if linked.get(folder) != set(direct):
            there = ", ".join(sorted(linked.get(folder, {"nothing"})))
            yield f"CMakeLists.txt: {folder} is linked to {there}; the table says {', '.join(direct) or 'nothing'}"


def plant(text, path):
    def apply(root):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as f:
            f.write(text + "\n")
    return apply


PLANTED = {
    "an upward include": (plant('#include "nn/linear.h"', "src/base/planted.h"), "goes upwards"),
    "a sideways include": (plant('#include "comm/communicator.h"', "kernels/norm/planted.h"), "goes upwards"),
    "a library outside its folder": (plant("#include <mpi.h>", "src/nn/planted.cpp"), "may be seen in"),
    "a library in a header": (plant("#include <hdf5.h>", "src/checkpoint/planted.h"), "may be seen in"),
    "a condition": (plant("#ifdef __AVX2__", "kernels/norm/planted.cpp"), "preprocessor condition"),
    "a macro": (plant("#define SQUARE(x) ((x) * (x))", "src/base/planted.h"), "macro SQUARE"),
    "an unknown folder": (plant("int x;", "src/planted/planted.cpp"), "has no row"),
    "an include of tests": (plant('#include "support/op_check.h"', "src/nn/planted.h"), "in no folder"),
    "a library linked upwards": (lambda root: selftest.replace(root / "CMakeLists.txt", "DEPENDS base)", "DEPENDS base nn)"),
                                 "is linked to"),
    "a circle in the table": (lambda root: selftest.replace(root / "docs/architecture.md", "random numbers | - |",
                                                            "random numbers | `src/app` |"), "include each other"),
}

if __name__ == "__main__":
    sys.exit(selftest.main(check, PLANTED, Path(__file__).resolve().parent.parent))
