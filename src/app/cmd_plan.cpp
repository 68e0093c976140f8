#include <fmt/format.h>

#include "app/command.h"
#include "config/parse.h"
#include "train/known_vocabulary.h"
#include "train/plan.h"

namespace mneme {
namespace {

int plan(const ConfigArguments& arguments, int ranks) {
  const RunConfig config =
      with_known_vocabulary(parse<RunConfig>(arguments.file, arguments.overrides));
  const int wanted =
      ranks > 0 ? ranks : std::max(1, config.mesh.data) * std::max(1, config.mesh.memory);
  fmt::print("{}", to_table(make_plan(config, wanted), config));
  return 0;
}

}  // namespace

void add_plan(CLI::App& app, Action& chosen) {
  auto arguments = std::make_shared<ConfigArguments>();
  auto ranks = std::make_shared<int>(0);
  CLI::App* command = app.add_subcommand(
      "plan", "memory, FLOP and bytes of a run, without allocating or reading data");
  add_config_arguments(*command, *arguments);
  command->add_option("--ranks", *ranks, "ranks of the job; by default mesh.data * mesh.memory")
      ->check(CLI::PositiveNumber);
  command->footer("Example: mneme plan configs/paper/memory_plus_1.3b_64m.yaml --ranks 64");
  command->callback([=, &chosen] { chosen = [=] { return plan(*arguments, *ranks); }; });
}

}  // namespace mneme
