#!/usr/bin/env python3
"""The pages keep their word: links and anchors lead somewhere, named paths exist, named options are options.

A path is any `code` that begins with a folder of the tree; a dotted name in `code` whose first part is a section of
docs/config.md must be a key there. Each mistake of docs/known_mistakes.md names its tests, which exist. Words in <angle brackets>, with * or with {braces} are patterns and not looked up.
--self-test plants one violation of each kind in a copy of the tree and must see it reported.
"""
import re
import sys
from pathlib import Path

import selftest

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TOP = ("src/", "kernels/", "tests/", "docs/", "tools/", "launch/", "configs/", "cmake/", "data/", ".ci/")
PATTERN = re.compile(r"[<>*{}$]|\.\.\.")
OPTION = re.compile(r"^[a-z_]+(\.[a-z_0-9]+)+$")
KEY = re.compile(r"^\| `([a-z_0-9]+)` ")
SECTION = re.compile(r"^## (?:`([\w.]+)`)?")  # a heading without `code` is the top level
MISTAKES = Path("docs/known_mistakes.md")
TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
FILE = re.compile(r"\.(md|py|sh|h|cpp|yaml|txt|json\w*)$")


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def link_faults(root, page, text):
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, section = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists():
            yield f"link to {target}, which does not exist"
        elif section and file.suffix == ".md":
            if section not in [anchor(h) for h in HEADING.findall(file.read_text(encoding="utf-8"))]:
                yield f"link to {target}: the page has no such section"


def path_faults(root, text):
    for code in CODE.findall(text):
        word = code.split()[0].rstrip(".,:;")
        if word.startswith(TOP) and not PATTERN.search(word) and not (root / word).exists():
            yield f"`{word}` does not exist"


def option_keys(root):
    """All dotted keys of the generated option page, or None where there is no such page. A list's element has the
    key N there, an entry with a name of the user's the key NAME."""
    page = root / "docs/config.md"
    if not page.exists():
        return None
    keys, section = set(), ""
    for line in page.read_text(encoding="utf-8").splitlines():
        heading, row = SECTION.match(line), KEY.match(line)
        if heading:
            section = heading[1] or ""
        elif row:
            keys.add(f"{section}.{row[1]}" if section else row[1])
    return keys


def is_key(name, keys):
    """Whether the dotted name is a key, or the beginning of one."""
    parts = name.split(".")
    for key in keys:
        wanted = key.split(".")[:len(parts)]
        if len(wanted) == len(parts) and all(
                w == p or (w == "N" and p.isdigit()) or w == "NAME" for w, p in zip(wanted, parts)):
            return True
    return False


def option_faults(keys, text):
    sections = {k.split(".")[0] for k in keys}
    for code in CODE.findall(text):
        name = re.split(r"[=:\s]", code)[0]
        if OPTION.match(name) and name.split(".")[0] in sections and not FILE.search(name):
            if not is_key(name, keys):
                yield f"`{name}` is no option of docs/config.md"


def mistake_faults(root, text):
    """Each row of the table names one test at least, as `Suite.Name`, and every test that is named exists."""
    tests = {f"{suite}.{name}" for path in sorted((root / "tests").rglob("*_test.cpp"))
             for suite, name in TEST.findall(path.read_text(encoding="utf-8"))}
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    for row in rows:
        named = CODE.findall(row[-1])
        if not named:
            yield f"the mistake '{row[0].strip()}' names no test"
        for test in named:
            if test not in tests:
                yield f"the test `{test}` does not exist"


def check(root):
    faults = []
    keys = option_keys(root)
    for path in selftest.tracked(root) if (root / ".git").exists() else sorted(p.relative_to(root) for p in root.rglob("*.md")):
        if path.suffix != ".md":
            continue
        text = FENCE.sub("", (root / path).read_text(encoding="utf-8"))
        found = list(link_faults(root, root / path, text)) + list(path_faults(root, text))
        if keys is not None:
            found += option_faults(keys, text)
        if path == MISTAKES:
            found += mistake_faults(root, text)
        faults += [f"{path}: {fault}" for fault in found]
    return faults


def plant(text):
    def apply(root):
        with (root / "docs/architecture.md").open("a", encoding="utf-8") as page:
            page.write("\n" + text + "\n")
    return apply


def plant_row(tests):
    def apply(root):
        with (root / MISTAKES).open("a", encoding="utf-8") as page:
            page.write(f"| planted | nothing | {tests} |\n")
    return apply


def plant_option(root):
    (root / "docs/config.md").write_text("## `planted`\n\n| key | type |\n|---|---|\n| `rate` | float |\n", encoding="utf-8")
    plant("Set `planted.rtae`.")(root)


PLANTED = {
    "a link to nowhere": (plant("[see](planted.md)"), "which does not exist"),
    "a link to no section": (plant("[see](architecture.md#planted)"), "no such section"),
    "a path that is not there": (plant("Read `src/base/planted.h`."), "`src/base/planted.h` does not exist"),
    "a test that is gone": (plant_row("`Planted.Test`"), "the test `Planted.Test` does not exist"),
    "a mistake without a test": (plant_row("none yet"), "the mistake 'planted' names no test"),
    "a misspelt option": (plant_option, "`planted.rtae` is no option"),
}

if __name__ == "__main__":
    sys.exit(selftest.main(check, PLANTED, Path(__file__).resolve().parent.parent))
