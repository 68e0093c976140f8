#!/usr/bin/env bash
# clang-tidy 14 on the C++ sources that changed.
# Usage: tools/tidy.sh [--all | --since REV | FILE...]
#   no argument: what differs from origin/main; where that is nothing or unknown, the newest commit's files
# TIDY_SECONDS (default 240): no new file is begun after that; what was left out is named at the end.
# The last line is "N passed, N failed, N skipped", counted in files.
set -euo pipefail
cd "$(dirname "$0")/.."

tidy=$(command -v clang-tidy-14 || command -v clang-tidy || true)
[[ -n $tidy ]] || { echo "tidy: clang-tidy 14 is not here (Debian: clang-tidy-14)" >&2; exit 5; }
tree=build/tidy # only configured: its list of commands names each source, which a unity build's does not
cmake --preset tidy -DMNEME_TESTS=ON >/dev/null

changed_since() { git diff --name-only --diff-filter=d "$1" -- '*.cpp' '*.h'; }

# A header is checked through the sources that include it first: x.h through x.cpp and x_test.cpp.
sources_of() {
  local file stem
  while read -r file; do
    case $file in
      *.cpp) echo "$file" ;;
      *.h)
        stem=$(basename "${file%.h}")
        git ls-files -- "${file%.h}.cpp" "tests/*/${stem}_test.cpp" ;;
    esac
  done | sort -u
}

select_files() {
  case ${1:-} in
    --all) git ls-files -- 'src/*.cpp' 'kernels/*.cpp' 'tests/*.cpp' 'tools/*.cpp' ;;
    --since) changed_since "${2:?--since wants a revision}" ;;
    "")
      local base
      base=$(git merge-base HEAD origin/main 2>/dev/null || true)
      if [[ -z $base || -z $(changed_since "$base") ]]; then
        base=$(git rev-parse --verify -q HEAD~1 || git hash-object -t tree /dev/null)
      fi
      changed_since "$base" ;;
    *) printf '%s\n' "$@" ;;
  esac
}

mapfile -t files < <(select_files "$@" | sources_of)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
deadline=$(($(date +%s) + ${TIDY_SECONDS:-240}))
export tidy tree work deadline

check_one() {
  local mark=$work/${1//\//__}
  if ! grep -q "\"$PWD/$1\"" "$tree/compile_commands.json"; then
    touch "$mark.failed"
    printf -- '--- %s\nno target of %s compiles it\n' "$1" "$tree"
  elif (($(date +%s) > deadline)); then
    touch "$mark.skipped"
  elif "$tidy" -p "$tree" --quiet "$1" >"$mark.log" 2>&1; then
    touch "$mark.passed"
  else
    touch "$mark.failed"
    printf -- '--- %s\n' "$1"
    grep -v ' warnings generated\.$' "$mark.log" || true
  fi
}
export -f check_one
# shellcheck disable=SC2016  # $1 is for the inner shell
((${#files[@]} == 0)) || printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" bash -c 'check_one "$1"' check_one
count() { find "$work" -name "*.$1" | wc -l; }
if (($(count skipped))); then
  echo "tidy: left out for want of time (TIDY_SECONDS=${TIDY_SECONDS:-240}):"
  find "$work" -name '*.skipped' -printf '  %f\n' | sed 's/\.skipped$//; s,__,/,g' | sort
fi
echo "$(count passed) passed, $(count failed) failed, $(count skipped) skipped"
(($(count failed) == 0))
