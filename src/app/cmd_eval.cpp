#include <cmath>

#include <fmt/format.h>

#include "app/command.h"
#include "app/ranks.h"
#include "data/facts.h"
#include "data/validation_set.h"
#include "generate/recall.h"
#include "train/load_model.h"
#include "train/run_summary.h"
#include "train/validation.h"

namespace mneme {
namespace {

void print_recall(const std::vector<RecallGroup>& groups) {
  fmt::print("{:<28} {:>9} {:>9} {:>7}\n", "recall of facts", "asked", "recalled", "share");
  for (const RecallGroup& g : groups) {
    const std::string name = g.exposures == 0 ? "unknown people (control)"
                                              : fmt::format("shown in {} texts", g.exposures);
    fmt::print("  {:<26} {:>9} {:>9} {:>7.3f}\n", name, g.asked, g.recalled, g.share());
  }
}

int evaluate(const ConfigArguments& arguments) {
  const SavedRun run = read_saved_run(arguments.file, arguments.overrides);
  const Ranks ranks(run.config);
  const auto tokenizer = load_run_tokenizer(run);
  const RunConfig& config = run.config;
  std::vector<FactProbe> probes;
  if (!config.data.probes.empty()) probes = read_probes(config.data.probes);
  const Decoder::Options recall = recall_options(*tokenizer, probes);
  constexpr std::int64_t samples_per_batch = 4;
  const auto engine = load_model(run, ranks.mesh(), ranks.threads(), [&](Engine& e) {
    e.measure_evaluation(samples_per_batch);
    if (!probes.empty()) Decoder::measure(e, recall);
  });
  if (ranks.is_first()) fmt::print("{} at step {}\n", run.config.name, run.entry.step);
  EvalResult result{.step = run.entry.step, .validation = {}, .recall = {}};
  for (const ValidationSet& set : open_validation_sets(config, ranks.world(), samples_per_batch)) {
    const ValidationReport r = measure_validation(*engine, set, run.entry.step);
    result.validation.push_back(r);
    if (!ranks.is_first()) continue;
    fmt::print("validation {:<16} loss {:.4f}  perplexity {:.2f}  bits/byte {:.4f}  ({} targets)\n",
               r.name, r.loss, std::exp(r.loss), r.bits_per_byte, r.targets);
  }
  if (!probes.empty()) {
    const std::vector<RecallGroup> groups = measure_recall(*engine, *tokenizer, probes, recall);
    if (ranks.is_first()) print_recall(groups);
    for (const RecallGroup& g : groups) result.recall.push_back({g.exposures, g.asked, g.recalled});
  }
  if (ranks.is_first()) write_eval(run.root, result);
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Action& chosen) {
  auto arguments = std::make_shared<ConfigArguments>();
  CLI::App* command =
      app.add_subcommand("eval", "validation loss and recall of facts of a trained model");
  add_model_arguments(*command, *arguments);
  command->footer("Example: mneme eval runs/tiny_memory --set data.probes=work/facts/probes.jsonl");
  command->callback(
      [arguments, &chosen] { chosen = [arguments] { return evaluate(*arguments); }; });
}

}  // namespace mneme
