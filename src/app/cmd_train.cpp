#include <cstdlib>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "app/command.h"
#include "app/ranks.h"
#include "config/parse.h"
#include "data/data_files.h"
#include "train/machine_speed.h"
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

/// The text that a step sees, without training.
int show_batch(const ConfigArguments& arguments, std::int64_t step) {
  const auto config = parse<RunConfig>(arguments.file, arguments.overrides);
  require_files(config.data, {"data.train"});
  const auto order =
      std::make_shared<const SampleOrder>(training_sources(config.data), config.train.sequence,
                                          static_cast<std::uint64_t>(config.seed));
  const Loader loader(
      order, {.global_batch = config.train.batch, .document_mask = config.data.document_mask});
  const auto tokenizer = order->stream(0).files().front().tokenizer();
  fmt::print("{}", loader.show_step(step - 1, *tokenizer, config.train.batch));
  return 0;
}

/// What to type to go on: what was typed, less the step to stop at, which is reached.
std::string resume_command(const ConfigArguments& arguments, int ranks) {
  std::string program = "mneme";
  std::getline(std::ifstream("/proc/self/cmdline"), program, '\0');
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment
  const bool has_own_launcher = std::getenv("MNEME_TERMINAL") != nullptr;
  std::string command;
  if (ranks > 1)
    command = fmt::format("{} -n {} ", has_own_launcher ? "launch/mpirun.sh" : "mpirun", ranks);
  command += fmt::format("{} train {}", program, arguments.file);
  std::vector<std::string> kept;
  for (const std::string& o : arguments.overrides) {
    if (o.starts_with("train.stop_at_step=")) continue;
    kept.push_back(o);
    command += fmt::format(" --set '{}'", o);
  }
  const bool file_stops = parse<RunConfig>(arguments.file, kept).train.stop_at_step > 0;
  return file_stops ? command + " --set train.stop_at_step=0" : command;
}

int train(const ConfigArguments& arguments) {
  StopSignals signals;
  const auto config = parse<RunConfig>(arguments.file, arguments.overrides);
  const Ranks ranks(config);
  RunReporter reporter(config, {.is_terminal = writes_to_terminal(),
                                .matmul_peak = matmul_share_of_rank(ranks.world(), ranks.threads()),
                                .ranks = ranks.world().size(),
                                .threads = ranks.threads()});
  Trainer trainer(config, ranks.mesh(),
                  {.overrides = arguments.overrides,
                   .threads = ranks.threads(),
                   .signals = &signals,
                   .reporter = &reporter,
                   .resume_command = resume_command(arguments, ranks.world().size())});
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
  auto shown = std::make_shared<std::int64_t>(0);
  command
      ->add_option("--show-batch", *shown,
                   "print the text that this step (from 1) sees, and train nothing")
      ->check(CLI::PositiveNumber);
  command->callback([=, &chosen] {
    chosen = [=] { return *shown > 0 ? show_batch(*arguments, *shown) : train(*arguments); };
  });
}

}  // namespace mneme
