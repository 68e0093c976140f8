#include <cmath>

#include <fmt/format.h>

#include "app/command.h"
#include "app/ranks.h"
#include "base/amount.h"
#include "generate/evaluate.h"

namespace mneme {
namespace {

void print_recall(const std::vector<RecallGroup>& groups) {
  fmt::print("{:<28} {:>9} {:>9} {:>7}\n", "recall of facts", "asked", "recalled", "share");
  for (const RecallGroup& g : groups) {
    const std::string name =
        g.exposures == 0 ? "unknown people (control)" : "shown in " + counted(g.exposures, "text");
    fmt::print("  {:<26} {:>9} {:>9} {:>7.3f}\n", name, g.asked, g.recalled, g.share());
  }
}

int evaluate(const ConfigArguments& arguments) {
  const SavedRun run = read_saved_run(arguments.file, arguments.overrides);
  const Ranks ranks(run.config);
  if (ranks.is_first()) fmt::print("{} at step {}\n", run.config.name, run.entry.step);
  const EvalResult result = evaluate_run(run, ranks.mesh(), ranks.threads());
  if (!ranks.is_first()) return 0;
  for (const ValidationReport& r : result.validation) {
    fmt::print("validation {:<16} loss {:.4f}  perplexity {:.2f}  bits/byte {:.4f}  ({})\n", r.name,
               r.loss, std::exp(r.loss), r.bits_per_byte, counted(r.targets, "target"));
  }
  if (!result.recall.empty()) print_recall(result.recall);
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
