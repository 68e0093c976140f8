#include <fmt/format.h>

#include "app/command.h"
#include "config/parse.h"
#include "train/known_vocabulary.h"
#include "train/plan.h"

namespace mneme {
namespace {

struct PlanArguments {
  std::vector<std::string> files;
  std::vector<std::string> overrides;
  int ranks = 0;
};

int plan(const PlanArguments& arguments) {
  std::vector<std::pair<std::string, Plan>> plans;
  for (const std::string& file : arguments.files) {
    const RunConfig config = with_assumed_vocabulary(
        parse<RunConfig>(file, arguments.overrides),
        [&](const std::string& text) { fmt::print("{}: {}\n", file, text); });
    const int named = std::max(1, config.mesh.data) * std::max(1, config.mesh.memory);
    plans.emplace_back(config.name,
                       make_plan(config, arguments.ranks > 0 ? arguments.ranks : named));
    if (arguments.files.size() == 1) fmt::print("{}", to_table(plans[0].second, config));
  }
  if (arguments.files.size() > 1) fmt::print("{}", to_table(plans));
  return 0;
}

}  // namespace

void add_plan(CLI::App& app, Action& chosen) {
  auto arguments = std::make_shared<PlanArguments>();
  CLI::App* command = app.add_subcommand(
      "plan", "memory, FLOP and bytes of runs, without allocating or reading data");
  command
      ->add_option("CONFIG", arguments->files,
                   "YAML files of runs; one is told in full, several share a table")
      ->required();
  add_overrides(*command, arguments->overrides);
  command
      ->add_option("--ranks", arguments->ranks,
                   "ranks of the job; by default mesh.data * mesh.memory")
      ->check(CLI::PositiveNumber);
  command->footer(
      "Example: mneme plan configs/paper/memory_plus_1.3b_64m.yaml --ranks 64\n"
      "         mneme plan configs/paper/memory_plus_*.yaml --ranks 64");
  command->callback([=, &chosen] { chosen = [=] { return plan(*arguments); }; });
}

}  // namespace mneme
