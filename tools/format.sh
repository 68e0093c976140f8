#!/usr/bin/env bash
# Formats all C++ sources in place with clang-format 14; --check only says which would change.
set -euo pipefail
cd "$(dirname "$0")/.."

format=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $format ]] || ! "$format" --version | grep -q 'version 14\.'; then
  echo "format: clang-format 14 is not here (Debian: clang-format-14); other versions format differently" >&2
  exit 5
fi
mapfile -t sources < <(git ls-files -- '*.h' '*.cpp' '*.cu' '*.cuh' | while read -r f; do [[ ! -f $f ]] || echo "$f"; done)
((${#sources[@]})) || exit 0
if [[ ${1:-} == --check ]]; then
  said=$("$format" --dry-run -Werror "${sources[@]}" 2>&1) || {
    sed -nE 's/^([^ :]+):[0-9]+:.*/\1: run tools\/format.sh/p' <<<"$said" | sort -u
    exit 1
  }
else
  "$format" -i "${sources[@]}"
fi
