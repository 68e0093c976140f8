#include "generate/evaluate.h"

#include "data/data_files.h"
#include "data/facts.h"
#include "data/validation_set.h"
#include "generate/recall.h"
#include "train/validation.h"

namespace mneme {

EvalResult evaluate_run(const SavedRun& run, const Mesh& mesh, int threads) {
  const auto tokenizer = load_run_tokenizer(run);
  const RunConfig& config = run.config;
  require_files(config.data, {"data.validation", "data.probes"});
  std::vector<FactProbe> probes;
  if (!config.data.probes.empty()) probes = read_probes(config.data.probes);
  const Decoder::Options recall = recall_options(*tokenizer, probes);
  constexpr std::int64_t samples_per_batch = 4;
  const auto engine = load_model(run, mesh, threads, [&](Engine& e) {
    e.measure_evaluation(samples_per_batch);
    if (!probes.empty()) Decoder::measure(e, recall);
  });
  EvalResult result{.step = run.entry.step, .validation = {}, .recall = {}};
  for (const ValidationSet& set :
       open_validation_sets(config, mesh.world(), samples_per_batch, tokenizer->hash()))
    result.validation.push_back(measure_validation(*engine, set, run.entry.step));
  if (!probes.empty()) result.recall = measure_recall(*engine, *tokenizer, probes, recall);
  // A checkpoint that was copied away from its run has no folder to keep it in.
  const bool is_in_run = std::filesystem::exists(run.root / "config.yaml");
  if (mesh.world().rank() == 0 && is_in_run) write_eval(run.root, result);
  return result;
}

}  // namespace mneme
