#!/usr/bin/env bash
# From a clone to two trained models side by side: builds mneme, makes a corpus of two dictionaries and of
# biographies of made-up people, trains a dense Llama and its Memory+ twin over two ranks, and asks both
# what they remember. 10 to 15 minutes on 2 cores after the packages are there; again: only the training.
# Usage: launch/quickstart.sh [--steps N]
set -euo pipefail
cd "$(dirname "$0")/.."

work=work/quickstart
runs=$work/runs # its own: nothing of yours in runs/ is touched
recipe="750 people, 3 facts each, in 1, 4 or 16 biographies; 4096 pieces from four times those and WordNet"
mneme=build/cpu/mneme
steps=375
prompts=("A horse is" "The city of" "To sing means")

usage_error() {
  printf 'quickstart: %s (launch/quickstart.sh --help)\n' "$1" >&2
  exit 2
}
while (($#)); do
  case $1 in
    --steps)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage_error "--steps wants a number"
      steps=$2
      shift 2 ;;
    -h | --help)
      sed -n '2,5s/^# //p' "$0"
      exit 0 ;;
    *) usage_error "there is no option $1" ;;
  esac
done

times=()
stage_started=$SECONDS
stage() { # name, why
  printf '\n== %s: %s\n' "$1" "$2"
  stage_name=$1
  stage_started=$SECONDS
}
stage_done() { times+=("$(printf '%-12s %5d s' "$stage_name" $((SECONDS - stage_started)))"); }
ranks() { launch/mpirun.sh -n 2 "$mneme" "$@"; }
unless_there() { # file, command...: makes a file that is not there yet
  local file=$1
  shift
  if [[ -e $file ]]; then printf 'there already: %s\n' "$file"; else "$@"; fi
}

stage packages "what is missing comes from the distribution"
mkdir -p "$work"
tools/setup.sh --times "$work/setup_times" build quickstart
stage_done
read -r download install <"$work/setup_times"
times+=("$(printf '  of them: %d s download, %d s installation' "$download" "$install")")

stage build "one binary, nothing but what it needs"
cmake --preset cpu -DMNEME_TESTS=OFF | grep -- '-- mneme\|--   ' || true
cmake --build --preset cpu --target mneme
stage_done

stage corpus "36 MB of dictionary text, and 750 people whose facts stand in 1, 4 or 16 biographies each"
if [[ -e $work/facts && $(cat "$work/recipe" 2>/dev/null) != "$recipe" ]]; then
  echo "the corpus here was made by another recipe: it is made anew"
  rm -rf "$work"/facts "$work"/*.h5 "$work/tokenizer.model"
fi
printf '%s\n' "$recipe" >"$work/recipe"
unless_there "$work/dictionary/gcide.jsonl" python3 data/make_dictionary_text.py "$work/dictionary"
unless_there "$work/facts/probes.jsonl" "$mneme" prep facts --output "$work/facts" --people 750 \
  --unknown-people 60 --exposures 1,4,16 --attributes 3
stage_done

stage tokens "a tokenizer of 4,096 pieces, trained here, turns the text into numbers"
facts=$work/facts/facts.jsonl # four times: near the share that the model reads, so that names are few pieces
unless_there "$work/tokenizer.model" "$mneme" tokenizer train "$facts" "$facts" "$facts" "$facts" \
  "$work/dictionary/wordnet.jsonl" --output "$work/tokenizer.model" --vocab-size 4096
unless_there "$work/dictionary.h5" "$mneme" prep text "$work/dictionary" --output "$work/dictionary.h5" \
  --tokenizer "$work/tokenizer.model" --validation 0.02
unless_there "$work/facts.h5" "$mneme" prep text "$facts" --output "$work/facts.h5" \
  --tokenizer "$work/tokenizer.model"
stage_done

stage dense "a dense Llama on two ranks that share the batch"
rm -rf "$runs/tiny_dense" "$runs/tiny_memory"
ranks train configs/tiny/dense_cpu.yaml --set "output=$runs" --set "train.steps=$steps"
stage_done

stage memory "its Memory+ twin at the same matmul FLOP: three blocks read a pool whose columns are cut over the ranks"
status=0
ranks train configs/tiny/memory_cpu.yaml --set "output=$runs" --set "train.steps=$steps" --set "train.stop_at_step=$((steps / 2))" || status=$?
((status == 75)) || exit "$status"
echo "stopped half-way, as a machine that is taken away would: the same command goes on"
ranks train configs/tiny/memory_cpu.yaml --set "output=$runs" --set "train.steps=$steps"
stage_done

stage questions "loss on unseen text, and for every fact: does the model finish the sentence?"
ranks eval "$runs/tiny_dense"
ranks eval "$runs/tiny_memory"
for run in tiny_dense tiny_memory; do
  printf '\n%s continues:\n' "$run"
  printf '%s\n' "${prompts[@]}" >"$work/prompts.txt"
  "$mneme" generate "$runs/$run" --prompts "$work/prompts.txt" --tokens 24
done
stage_done

printf '\n== side by side\n'
"$mneme" compare "$runs/tiny_dense" "$runs/tiny_memory"
printf '\n== time\n'
printf '%s\n' "${times[@]}"
