#!/usr/bin/env bash
# The checks that need no build: format, layers, completeness, docs, spelling, lengths, syntax.
# The last line is "N passed, N failed, N skipped", counted in checks. Exit status 1 if one failed.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3 # Debian's: another python3 first in PATH may lack yaml and h5py
[[ -x $python ]] || python=python3
passed=0 failed=0 skipped=0

check() { # name, command...
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$name"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s (%s)\n%s\n' "$name" "$*" "$output"
  fi
}
skip() { # name, why
  skipped=$((skipped + 1))
  printf 'skipped %s: %s\n' "$1" "$2"
}

# 500 lines at most; generated pages and licences are not code.
lengths() {
  git ls-files -- '*.h' '*.cpp' '*.cu' '*.cuh' '*.py' '*.sh' '*.cmake' | while read -r f; do
    if [[ -f $f ]]; then wc -l "$f"; fi
  done | awk '$1 > 500 {printf "%s has %d lines, 500 are allowed: split it by concept\n", $2, $1; bad = 1} END {exit bad}'
}
python_syntax() {
  git ls-files -- '*.py' | "$python" -c '
import ast, os, sys
for path in sys.stdin.read().split():
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            ast.parse(f.read(), path)'
}
shell_scripts() {
  git ls-files -- '*.sh' '.ci/run' 'launch/slurm.sbatch' | while read -r f; do [[ ! -f $f ]] || echo "$f"; done | xargs -r shellcheck
}
spelling() { # wieght, nmae, nd: misspelt on purpose, in tests of messages
  git ls-files -- '*.h' '*.cpp' '*.md' '*.py' '*.sh' '*.cmake' '*.txt' '*.yaml' '*.in' | grep -v '^tools/spelling.txt$' |
    while read -r f; do [[ ! -f $f ]] || echo "$f"; done |
    xargs -r codespell -L dout,inout,wieght,nmae,nd -D - -D tools/spelling.txt # the usual misspellings, and American forms
}

check format tools/format.sh --check
for name in layers completeness docs; do
  check "$name" "$python" "tests/${name}_test.py"
  check "$name, planted faults" "$python" "tests/${name}_test.py" --self-test
done
check lengths lengths
check "Python syntax" python_syntax
if command -v codespell >/dev/null; then check spelling spelling; else skip spelling "codespell is not here"; fi
if command -v shellcheck >/dev/null; then check "shell scripts" shell_scripts; else skip "shell scripts" "shellcheck is not here"; fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
