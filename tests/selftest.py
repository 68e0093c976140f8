"""What the tree's own tests share: report the faults, or plant some in a copy and see that each is found."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def tracked(root):
    """Files of the working tree that git tracks or would track, as paths relative to root."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                           capture_output=True, text=True).stdout
    return sorted(p for p in {Path(n) for n in names.splitlines()} if (root / p).is_file())


def copy_tree(root, target):
    for path in tracked(root):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, target / path)


def replace(file, old, new):
    text = file.read_text(encoding="utf-8")
    if old not in text:
        raise SystemExit(f"{file.name} has no {old!r}: the planted fault must be written anew")
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def missed(check, planted, root):
    """Names of planted faults that `check` does not report. planted: name -> (change(root), text of the report)."""
    result = []
    for name, (change, report) in planted.items():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            copy_tree(root, copy)
            before = set(check(copy))
            change(copy)
            if not any(report in fault for fault in set(check(copy)) - before):
                result.append(name)
    return result


def main(check, planted, root):
    """Exit status of a test of the tree: 0 if nothing is at fault, or with --self-test if every planted fault is found."""
    if "--self-test" in sys.argv:
        lost = missed(check, planted, root)
        for name in lost:
            print(f"planted, but not reported: {name}")
        print(f"{len(planted) - len(lost)} passed, {len(lost)} failed, 0 skipped")
        return int(bool(lost))
    faults = check(root)
    print("\n".join(faults))
    return int(bool(faults))
