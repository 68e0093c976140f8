#!/usr/bin/env python3
"""English text from two dictionaries that Debian packages: WordNet and GCIDE.

Reads what the packages wordnet-base and dict-gcide install and writes wordnet.jsonl (a synset's
words, gloss and examples per line) and gcide.jsonl (an entry per line): {"text", "source"}.
More than 20 MB of text, the same bytes each time. Standard library only.

    data/make_dictionary_text.py work/text
"""

import argparse
import gzip
import json
import os
import re
import sys
import unicodedata

WORDNET = "/usr/share/wordnet"
GCIDE = "/usr/share/dictd/gcide"
PARTS = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def wordnet_texts(folder):
    """'dog, domestic dog (noun): a member of the genus Canis ...; "the dog barked all night"'"""
    for part, name in PARTS.items():
        with open(os.path.join(folder, "data." + part), encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("  "):  # the licence
                    continue
                fields, gloss = line.split(" | ", 1)
                fields = fields.split()
                count = int(fields[3], 16)
                words = [w.replace("_", " ") for w in fields[4 : 4 + 2 * count : 2]]
                words = [re.sub(r"\((a|p|ip)\)$", "", w) for w in words]  # where an adjective stands
                yield f"{', '.join(words)} ({name}): {gloss.strip()}"


def dict_number(text):
    value = 0
    for digit in text:
        value = value * 64 + DIGITS.index(digit)
    return value


def gcide_entries(stem):
    with open(stem + ".index", encoding="utf-8", errors="replace") as lines:
        fields = (line.rstrip("\n").split("\t") for line in lines)
        places = {(dict_number(f[1]), dict_number(f[2])) for f in fields if not f[0].startswith("00")}
    with gzip.open(stem + ".dict.dz") as file:
        content = file.read()
    for offset, size in sorted(places):
        yield content[offset : offset + size].decode("utf-8", errors="replace")


SOURCES = re.compile(r"\[(?:\d{4} Webster|Webster|PJC|WordNet|Wordnet|RP|AS|Century)[^\]]*\]")
PRONUNCIATION = re.compile(r"\s*\\[^\\\n]{0,80}(?:\n[^\\\n]{0,80})?\\")
SPOKEN = re.compile(r"\A([^()\n]{1,60}?)\s+\([^()]{0,60}\)(?=[,;.] )")  # (k[i^]ch"[e^]n*r[y^])
ACCENTED = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", ",": "\u0327"}
LETTER = re.compile(r"\[([^\w\s\[\]]?)([A-Za-z]{1,2})([^\w\s\[\].]?)\]")
WORDS = {"[deg]": "\u00b0", "[eth]": "\u00f0", "[thorn]": "\u00fe", "[root]": "", "[sect]": "section "}
ETYMOLOGY = re.compile(
    r"\s*\[(?=imp\.|Compar\.|Etymol|See |From |[^\]]*(?: \+ |[Ff]r\. |[Cc]f\. |pref\.|\b(?:AS|OE|OF|ME|NL|LL|L|F|Gr|"
    r"G|D|Sp|It|Pg|Icel|Skr|Ar|Heb|Turk|Russ|Per|Hind|Gael|W|Dan|Sw)\.? ))[^\[\]]{0,600}\]"
)


def letter(match):
    """['e] is an accented e; marks of length and stress, as in [=a] or [u^], are dropped."""
    before, letters, _ = match.groups()
    mark = ACCENTED.get(before, "") if len(letters) == 1 else ""
    return unicodedata.normalize("NFC", letters + mark)


def gcide_text(entry):
    """Without pronunciation, etymology, source marks and line breaks; a paragraph per sense."""
    entry = PRONUNCIATION.sub("", SOURCES.sub("", entry))
    entry = SPOKEN.sub(r"\1", entry)
    for mark, meant in WORDS.items():
        entry = entry.replace(mark, meant)
    entry = ETYMOLOGY.sub("", LETTER.sub(letter, entry))
    entry = entry.replace("{", "").replace("}", "")
    paragraphs = (" ".join(p.split()) for p in re.split(r"\n\s*\n", entry))
    text = "\n".join(p for p in paragraphs if p)
    return re.sub(r"\s+(?=[,.;:])|,(?=[.;])", "", text)


def write(path, texts, source):
    documents = size = 0
    with open(path + ".partial", "w", encoding="utf-8") as out:
        for text in texts:
            if len(text) < 12:  # a bare cross-reference
                continue
            out.write(json.dumps({"text": text, "source": source}, ensure_ascii=False) + "\n")
            documents += 1
            size += len(text.encode())
        out.flush()
        os.fsync(out.fileno())
    os.replace(path + ".partial", path)
    print(f"{path}: {documents:,} documents, {size / 1e6:.1f} MB of text")
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("output", help="folder for wordnet.jsonl and gcide.jsonl")
    parser.add_argument("--wordnet", default=WORDNET, help="folder with data.noun and so on")
    parser.add_argument("--gcide", default=GCIDE, help="path of gcide.dict.dz without its ending")
    options = parser.parse_args()
    needed = [os.path.join(options.wordnet, "data." + part) for part in PARTS]
    needed += [options.gcide + ".index", options.gcide + ".dict.dz"]
    missing = [path for path in needed if not os.path.exists(path)]
    if missing:
        sys.exit(f"{missing[0]} is not here: apt-get install wordnet-base dict-gcide")
    os.makedirs(options.output, exist_ok=True)
    size = write(os.path.join(options.output, "wordnet.jsonl"), wordnet_texts(options.wordnet), "wordnet")
    entries = (gcide_text(entry) for entry in gcide_entries(options.gcide))
    size += write(os.path.join(options.output, "gcide.jsonl"), entries, "gcide")
    if size < 20_000_000:
        sys.exit(f"only {size} bytes of text came out, wanted 20 MB: the packages have changed")


if __name__ == "__main__":
    main()
