#!/usr/bin/env bash
# Everything that CI runs, in timed stages. Installs what is missing first.
# Usage: tools/test.sh [stage...]      (default: check cpu asan tsan)
#   check   format, layers, completeness, docs, spelling: no build
#   cpu     g++, warnings as errors, all tests but the slow ones
#   asan    clang++, warnings as errors, plain matrix products, address and undefined-behaviour sanitizers:
#           builds everything, the tests labelled fast or threads
#   tsan    clang++ and the thread sanitizer: the tests labelled threads
#   tidy    clang-tidy on what changed
#   clang   clang++ as a release: the fast tests
#   oracle  comparison with PyTorch (installs Debian's python3-torch)
#   slow    the tests labelled slow, on the cpu build
#   fast    builds, then the tests labelled fast: before each commit
#   full    all of the above, and clang-tidy on every file
# Build trees are build/<preset>, logs build/test/<stage>.log. A compiler cache is used if there is one.
# The last line is "N passed, N failed, N skipped"; exit status 1 if a stage failed, with all stages run.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3 # Debian's: another python3 first in PATH may lack yaml and h5py
[[ -x $python ]] || python=python3
known="check cpu asan tsan tidy clang oracle slow fast full"
out=build/test
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}
fi

build() { # preset, ninja arguments...
  local preset=$1 quiet=()
  shift
  [[ -t 1 ]] || quiet=(--quiet)
  cmake --preset "$preset" -DMNEME_WERROR=ON -DMNEME_TESTS=ON >"$out/$stage.configure.log" 2>&1 || {
    cat "$out/$stage.configure.log"
    return 1
  }
  cmake --build --preset "$preset" -- "${quiet[@]}" "$@"
}

# Runs the tests of a tree; every test's result is counted from the JUnit file.
run_tests() { # tree, ctest arguments...
  local tree=$1 status=0
  local junit=$PWD/$out/$stage.junit.xml
  shift
  rm -f "$junit"
  ctest --test-dir "$tree" -j "$(nproc)" --no-tests=error --output-on-failure --timeout 900 --output-junit "$junit" \
    --test-output-size-passed 16000000 --test-output-size-failed 16000000 "$@" || status=$?
  [[ ! -f $junit ]] || "$python" tools/test_count.py "$junit" >>"$out/$stage.counts"
  return "$status"
}

# A stage that is itself a script ending in "N passed, N failed, N skipped".
counted() {
  local status=0
  "$@" | tee "$out/$stage.script" || status=$?
  sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$out/$stage.script" |
    tail -n 1 >>"$out/$stage.counts"
  return "$status"
}

stage_check() { counted tools/check.sh; }
stage_cpu() {
  build cpu
  run_tests build/cpu -LE 'slow|oracle'
}
stage_fast() {
  build cpu
  run_tests build/cpu -L fast
}
stage_slow() {
  build cpu
  run_tests build/cpu -L slow
}
stage_clang() {
  build clang
  run_tests build/clang -L fast
}
stage_asan() {
  build asan
  export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  export LSAN_OPTIONS=suppressions=$PWD/tools/sanitize/lsan.supp:print_suppressions=0
  run_tests build/asan -L 'fast|threads'
}
stage_tsan() {
  build tsan build_threads
  # Archer, found by libomp itself, tells the sanitizer of OpenMP's barriers; see LLVM's manual.
  export TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=0
  run_tests build/tsan -L threads
}
stage_tidy() {
  if [[ " ${stages[*]} " == *" slow "* ]]; then
    TIDY_SECONDS=7200 counted tools/tidy.sh --all
  else
    counted tools/tidy.sh
  fi
}
stage_oracle() {
  build cpu
  run_tests build/cpu -L oracle
}

choose_stages() {
  stages=()
  local name
  for name in "$@"; do
    case " $known " in
      *" $name "*) ;;
      *)
        printf 'test: there is no stage %s; stages are: %s\n' "$name" "$known" >&2
        exit 2 ;;
    esac
    if [[ $name == full ]]; then
      stages+=(check cpu asan tsan tidy clang oracle slow)
    else
      stages+=("$name")
    fi
  done
  ((${#stages[@]})) || stages=(check cpu asan tsan)
}

run_stage() {
  local started=$SECONDS status
  rm -f "$out/$stage".*
  printf '=== %s\n' "$stage"
  set +e # a stage's own errors must stop that stage only: in a condition, set -e would be ignored inside it
  (
    set -euo pipefail
    "stage_$stage"
  ) 2>&1 | tee "$out/$stage.log"
  status=${PIPESTATUS[0]}
  set -e
  local passed=0 failed=0 skipped=0 p f s
  if [[ -f $out/$stage.counts ]]; then
    while read -r p f s; do
      passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    done <"$out/$stage.counts"
  fi
  if ((status != 0)); then
    bad+=("$stage")
    ((failed > 0)) || failed=1
  fi
  table+=("$(printf '%-8s %7d %8d %8d %8d' "$stage" $((SECONDS - started)) "$passed" "$failed" "$skipped")")
  all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed)) all_skipped=$((all_skipped + skipped))
}

main() {
  [[ ${1:-} != -h && ${1:-} != --help ]] || { sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0; }
  choose_stages "$@"
  mkdir -p "$out"
  local setup_started=$SECONDS groups=(build test)
  [[ " ${stages[*]} " != *" oracle "* ]] || groups+=(oracle)
  tools/setup.sh "${groups[@]}"
  table=("$(printf '%-8s %7d %8s %8s %8s' setup $((SECONDS - setup_started)) - - -)")
  bad=()
  all_passed=0 all_failed=0 all_skipped=0
  for stage in "${stages[@]}"; do run_stage; done
  printf '\n%-8s %7s %8s %8s %8s\n' stage seconds passed failed skipped
  printf '%s\n' "${table[@]}"
  printf '%-8s %7d\n' total $SECONDS
  ((${#bad[@]} == 0)) || printf 'failed stages: %s (logs: %s/<stage>.log)\n' "${bad[*]}" "$out"
  echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
  ((all_failed == 0 && ${#bad[@]} == 0))
}
main "$@"
