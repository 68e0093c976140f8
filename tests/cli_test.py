#!/usr/bin/env python3
"""The command line from outside: what each command prints, and the exit status of each kind of mistake.

    cli_test.py --mneme build/cpu/mneme [NAME...]
"""
import argparse
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = "A row is read. Then it is weighed, and rows add up: π ≈ 3.14159.\n\n" * 40


class Mneme:
    """Runs the program in an empty folder of its own."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, *arguments, status=0, stdin=None, **more):
        """The finished process, whose status must be this one."""
        done = subprocess.run([self.program, *map(str, arguments)], cwd=self.folder, capture_output=True, timeout=120,
                              input=stdin, **more)
        assert done.returncode == status, (
            f"{' '.join(map(str, arguments))}: status {done.returncode}, wanted {status}\n"
            f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
        return done

    def out(self, *arguments, **more):
        return self.run(*arguments, **more).stdout.decode()

    def error(self, *arguments, status=2, **more):
        """What a refused command says."""
        return self.run(*arguments, status=status, **more).stderr.decode()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def tokens(self, *more):
        """A token file of TEXT: 40 paragraphs."""
        self.write("text/a.txt", TEXT)
        self.run("prep", "text", "text", "--documents", "paragraph", "--output", "a.h5", *more)
        return self.folder / "a.h5"


def commands_of(help_text):
    """The names below 'Subcommands:'."""
    if "Subcommands:" not in help_text:
        return []
    lines = help_text.split("Subcommands:\n", 1)[1].split("\n\n", 1)[0].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]


def test_every_command_has_an_example(m):
    todo, seen = [[]], 0
    while todo:
        command = todo.pop()
        text = m.out(*command, "--help")
        if command:
            seen += 1
            assert "Example: " in text and "mneme " + command[0] in text.split("Example: ", 1)[1], command
        todo += [command + [name] for name in commands_of(text)]
    assert seen >= 8, seen


def test_wrong_command_lines(m):
    assert "ubcommand" in m.error()
    assert "no command 'mneme tran', did you mean train?" in m.error("tran")
    assert "no command 'mneme prep txt', did you mean text?" in m.error("prep", "txt", "--output", "x.h5")
    assert "--fast" in m.error("prep", "text", "x.txt", "--output", "x.h5", "--fast")
    assert "{file,paragraph,line}" in m.error("prep", "text", "x.txt", "--output", "x.h5", "--documents", "page")
    assert "--output" in m.error("prep", "facts")


def test_prep_inspect_round_trip(m):
    m.tokens()
    text = m.out("prep", "--inspect", "a.h5", "--at", 0, "--count", 10**6)
    assert "40 documents" in text and text.count(TEXT.split("\n")[0]) == 40, text
    middle = m.out("prep", "--inspect", "a.h5", "--at", 2, "--count", 3)
    assert "document 0, tokens 2 to 4" in middle and "\nrow\n" in middle, middle
    assert "not among them" in m.error("prep", "--inspect", "a.h5", "--at", 10**9)
    assert "all checksums match" in m.out("prep", "--verify", "a.h5")


def test_prep_refuses(m):
    tokens = m.tokens()
    assert "already there" in m.error("prep", "text", "text", "--output", "a.h5")
    assert "no file or folder" in m.error("prep", "text", "nosuch", "--output", "b.h5")
    assert "no input" in m.error("prep", "text", "--output", "b.h5")
    m.write("empty.txt", "\n")
    m.error("prep", "text", "empty.txt", "--output", "b.h5", status=3)
    m.write("bad.jsonl", '{"text": "x"}\n{"text": \n')
    assert "bad.jsonl" in m.error("prep", "text", "bad.jsonl", "--output", "b.h5", status=3)
    m.write("latin.txt", "caf\xe9".encode("latin-1"))
    m.error("prep", "text", "latin.txt", "--output", "b.h5", "--malformed", "refuse", status=3)
    assert "1 bytes in 1 documents are not UTF-8" in m.out("prep", "text", "latin.txt", "--output", "b.h5")
    content = tokens.read_bytes()
    m.write("cut.h5", content[:-100])
    assert "cut" in m.error("prep", "--inspect", "cut.h5", status=3)
    place = content.index(b"\0".join(TEXT[:8].encode()[i : i + 1] for i in range(8)))
    m.write("flipped.h5", content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert "block 0" in m.error("prep", "--verify", "flipped.h5", status=3)


def test_validation_by_hash(m):
    out = (m.tokens("--validation", 0.0), m.folder / "a.validation.h5")
    assert not out[1].exists()
    lines = "".join(f"line number {i} stands alone\n" for i in range(400))
    m.write("lines.txt", lines)
    text = m.out("prep", "text", "lines.txt", "--documents", "line", "--output", "l.h5", "--validation", 0.25)
    counts = [int(line.split(": ")[1].split()[0]) for line in text.splitlines() if "documents" in line]
    assert sum(counts) == 400 and 60 <= counts[1] <= 140, text


def test_facts(m):
    text = m.out("prep", "facts", "--output", "facts", "--people", 12, "--exposures", "1,2", "--unknown-people", 3)
    assert "18 biographies" in text and "75 probes" in text, text
    first = (m.folder / "facts/facts.jsonl").read_bytes()
    m.error("prep", "facts", "--output", "facts", "--people", 12)
    m.run("prep", "facts", "--output", "facts", "--people", 12, "--exposures", "1,2", "--overwrite")
    assert (m.folder / "facts/facts.jsonl").read_bytes() == first
    m.error("prep", "facts", "--output", "more", "--people", 10**9)
    m.error("prep", "facts", "--output", "more", "--people", 0)


def test_tokenizer_round_trip(m):
    m.write("text/a.txt", TEXT)
    train = ("tokenizer", "train", "text", "--vocab-size", 300)
    m.run(*train, "--output", "one.model")
    m.run(*train, "--output", "two.model")
    assert (m.folder / "one.model").read_bytes() == (m.folder / "two.model").read_bytes()
    for tokenizer in ("one.model", "bytes"):
        for text in (TEXT.encode(), b"", b"\n\n  two\r\n\xff\xfe \xe2\x96\x81"):
            ids = m.run("tokenizer", "encode", "--tokenizer", tokenizer, stdin=text).stdout
            back = m.run("tokenizer", "decode", "--tokenizer", tokenizer, stdin=ids).stdout
            assert back == text, (tokenizer, text, back)
    assert m.out("tokenizer", "encode", "Hi", "!") == "72 105\n33\n"
    assert m.out("tokenizer", "decode", 72, 105) == "Hi\n"
    assert m.out("tokenizer", "encode", "--tokenizer", "one.model", "--pieces", "row") == "r ow\n"
    m.run("prep", "text", "text", "--output", "t.h5", "--tokenizer", "one.model")
    assert "A row is read." in m.out("prep", "--inspect", "t.h5", "--count", 40)


def test_tokenizer_refuses(m):
    m.write("text/a.txt", TEXT)
    assert "0 to 256" in m.error("tokenizer", "decode", "12", "257")
    assert "x7" in m.error("tokenizer", "decode", "x7")
    assert "nosuch.model" in m.error("tokenizer", "encode", "--tokenizer", "nosuch.model", "a")
    assert "nosuch.model" in m.error("prep", "text", "text", "--tokenizer", "nosuch.model", "--output", "x.h5")
    m.write("junk.model", "this is no model")
    assert "junk.model" in m.error("tokenizer", "encode", "--tokenizer", "junk.model", "a", status=3)
    m.error("tokenizer", "train", "text", "--vocab-size", 30000, "--output", "b.model", status=3)
    assert not (m.folder / "b.model").exists()
    m.error("tokenizer", "train", "text", "--vocab-size", 100, "--output", "b.model")
    m.run("tokenizer", "train", "text", "--vocab-size", 300, "--output", "b.model")
    m.error("tokenizer", "train", "text", "--vocab-size", 300, "--output", "b.model")
    m.error("tokenizer", "train", "--output", "c.model")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mneme", default=str(ROOT / "build/cpu/mneme"))
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    tests = {k: v for k, v in globals().items() if k.startswith("test_")}
    chosen = {k: v for k, v in tests.items() if not given.names or k.removeprefix("test_") in given.names}
    failed = 0
    for name, test in chosen.items():
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Mneme(str(Path(given.mneme).resolve()), Path(folder)))
            except Exception as error:  # a time-out counts as well
                failed += 1
                line = traceback.extract_tb(error.__traceback__)[1]
                print(f"FAILED {name} at line {line.lineno}: {line.line}\n{error or ''}")
        print(f"{name}: {time.monotonic() - started:.1f} s", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed, 0 skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
