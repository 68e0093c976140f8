#include <unistd.h>

#include "app/command.h"
#include "app/ranks.h"
#include "config/parse.h"
#include "train/run_reporter.h"
#include "train/trainer.h"

namespace mneme {
namespace {

int train(const ConfigArguments& arguments) {
  StopSignals signals;
  const auto config = parse<RunConfig>(arguments.file, arguments.overrides);
  const Ranks ranks(config);
  RunReporter reporter(config,
                       {.is_terminal = isatty(STDOUT_FILENO) == 1, .ranks = ranks.world().size()});
  Trainer trainer(config, ranks.mesh(),
                  {.overrides = arguments.overrides,
                   .threads = ranks.threads(),
                   .signals = &signals,
                   .reporter = &reporter});
  return trainer.run();
}

}  // namespace

void add_train(CLI::App& app, Action& chosen) {
  auto arguments = std::make_shared<ConfigArguments>();
  CLI::App* command =
      app.add_subcommand("train", "train a model, or go on with a run that was interrupted");
  add_config_arguments(*command, *arguments);
  command->footer(
      "Example: mpirun -n 2 mneme train configs/tiny/memory_cpu.yaml --set train.steps=100");
  command->callback([arguments, &chosen] { chosen = [arguments] { return train(*arguments); }; });
}

}  // namespace mneme
