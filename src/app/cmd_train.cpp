#include <fstream>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "app/command.h"
#include "app/ranks.h"
#include "config/parse.h"
#include "train/trainer.h"

namespace mneme {
namespace {

/// Lines for people on the terminal and metrics.jsonl for tools.
class PlainReporter : public Reporter {
 public:
  explicit PlainReporter(const RunConfig& config) : config_(config), folder_(config) {}
  void message(const std::string& text) override { fmt::print("{}\n", text); }
  void warning(const std::string& text) override { fmt::print("warning: {}\n", text); }
  void step(const StepReport& r) override {
    nlohmann::json j{{"step", r.step},
                     {"loss", r.loss},
                     {"lr", r.lr},
                     {"norm", r.clip.norm},
                     {"norm_values", r.clip.norm_values},
                     {"seconds", r.seconds}};
    if (r.use) j["touched"] = r.use->touched;
    std::ofstream(folder_.metrics(), std::ios::app) << j.dump() << "\n";
    if (r.step % config_.report.log_every != 0) return;
    fmt::print("step {:>6}/{} loss {:.4f} lr {:.2e} norm {:.3f}/{:.3f} {:.0f} tokens/s\n", r.step,
               r.steps, r.loss, r.lr, r.clip.norm, r.clip.norm_values,
               static_cast<double>(r.tokens) / r.seconds);
    std::fflush(stdout);
  }
  void validation(const ValidationReport& r) override {
    fmt::print("validation {} loss {:.4f} bits/byte {:.4f}\n", r.name, r.loss, r.bits_per_byte);
  }
  void checkpoint(const CheckpointReport& r) override {
    fmt::print("checkpoint {} {}\n", r.ok ? "saved" : "NOT saved", r.message);
  }
  void resumed(std::int64_t step) override {
    if (step > 0) fmt::print("resumed at step {}\n", step);
  }

 private:
  RunConfig config_;
  RunFolder folder_;
};

int train(const ConfigArguments& arguments) {
  StopSignals signals;
  const auto config = parse<RunConfig>(arguments.file, arguments.overrides);
  const Ranks ranks(config);
  PlainReporter reporter(config);
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
