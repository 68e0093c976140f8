#!/usr/bin/env python3
"""Runs the command blocks of the pages, in a scratch copy of the tree.

A block that begins with ```sh test is run; all such blocks of a page are one session, in the order of the page, with
"set -euo pipefail". Words after "test" change how:
  set=a.b=1,c.d=2   trainings are shortened: these are given as --set to `mneme train` and `mneme sweep`
  status=75         the block ends with this status instead of 0
  args=a,b          what a Python block finds in sys.argv
A ```python test block is run with Debian's python3, as part of the same session. In the copy, build/cpu/mneme stands for the program given
with --mneme.

  docs_commands.py [--mneme PROGRAM] [--list] [PAGE...]    default: every page that git tracks
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import selftest

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(sh|python) test(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRAPPER = """#!/usr/bin/env bash
# Shortens trainings: stands before the real program in the scratch copy.
case ${{1:-}} in
  train | sweep) exec {mneme} "$@" ${{MNEME_DOC_SET:-}} ;;
  *) exec {mneme} "$@" ;;
esac
"""


def blocks_of(text):
    """(language, options as a dict, text, line) of each block that is to be run."""
    result = []
    for match in BLOCK.finditer(text):
        options = dict(word.split("=", 1) for word in match[2].split())
        result.append((match[1], options, match[3], text.count("\n", 0, match.start()) + 1))
    return result


def run_block(folder, language, options, text):
    """Runs a block; what is wrong with the outcome, or None."""
    settings = " ".join(f"--set {s}" for s in options.get("set", "").split(",") if s)
    if language == "python":
        command = ["/usr/bin/python3", "-c", text, *filter(None, options.get("args", "").split(","))]
    else:
        command = ["bash", "-c", "set -euo pipefail\n" + text]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace",
                          env={**os.environ, "MNEME_DOC_SET": settings})
    wanted = int(options.get("status", 0))
    if done.returncode == wanted:
        return None
    return f"status {done.returncode}, wanted {wanted}\n{text}--- output\n{done.stdout}{done.stderr}"


def run_page(root, page, mneme):
    """(passed, failures) of a page; after a failure its later blocks are not run, and count as failed."""
    blocks = blocks_of((root / page).read_text(encoding="utf-8"))
    if not blocks:
        return 0, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        selftest.copy_tree(root, folder)
        program = folder / "build/cpu/mneme"
        program.parent.mkdir(parents=True)
        program.write_text(WRAPPER.format(mneme=mneme), encoding="utf-8")
        program.chmod(0o755)
        for number, (language, options, text, line) in enumerate(blocks):
            started = time.monotonic()
            fault = run_block(folder, language, options, text)
            print(f"{'FAILED' if fault else 'ok':7} {page}:{line} ({time.monotonic() - started:.0f} s)", flush=True)
            if fault:
                return number, [f"{page}:{line}: {fault}"] + [
                    f"{page}:{later[3]}: not run" for later in blocks[number + 1:]]
    return len(blocks), []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mneme", default=str(ROOT / "build/cpu/mneme"))
    parser.add_argument("--list", action="store_true", help="only say which blocks would run")
    parser.add_argument("pages", nargs="*")
    given = parser.parse_args()
    pages = given.pages or [p.as_posix() for p in selftest.tracked(ROOT) if p.suffix == ".md"]
    if given.list:
        for page in pages:
            for language, options, _, line in blocks_of((ROOT / page).read_text(encoding="utf-8")):
                print(f"{page}:{line} {language} {options}")
        return 0
    passed, failures = 0, []
    for page in pages:
        good, bad = run_page(ROOT, page, Path(given.mneme).resolve())
        passed, failures = passed + good, failures + bad
    print("\n".join(failures))
    print(f"{passed} passed, {len(failures)} failed, 0 skipped")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
