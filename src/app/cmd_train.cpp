#include <cstdlib>

#include <unistd.h>

#include "app/command.h"
#include "app/ranks.h"
#include "config/parse.h"
#include "train/run_reporter.h"
#include "train/trainer.h"

namespace mneme {
namespace {

/// Whether a person watches a terminal. Open MPI gives rank 0 a terminal of its own whatever is
/// behind it, so under a launcher only launch/mpirun.sh can tell.
bool writes_to_terminal() {
  if (const char* told = std::getenv("MNEME_TERMINAL"))
    return told[0] == '1';  // NOLINT: read before threads
  return std::getenv("OMPI_COMM_WORLD_RANK") == nullptr &&
         isatty(STDOUT_FILENO) == 1;  // NOLINT: as above
}

int train(const ConfigArguments& arguments) {
  StopSignals signals;
  const auto config = parse<RunConfig>(arguments.file, arguments.overrides);
  const Ranks ranks(config);
  RunReporter reporter(config,
                       {.is_terminal = writes_to_terminal(), .ranks = ranks.world().size()});
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
