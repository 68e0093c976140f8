#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "train/metrics_file.h"
#include "train/reporter.h"
#include "train/run_folder.h"
#include "train/tensorboard.h"

namespace spdlog {
class logger;
}

namespace mneme {

/// Tells the terminal (one live line where there is one, plain lines elsewhere), log.txt,
/// metrics.jsonl and TensorBoard. For rank 0.
class RunReporter : public Reporter {
 public:
  struct Options {
    bool is_terminal = false;
    double matmul_peak = 0;  // FLOP/s of a large matrix product, a rank's share; 0: not measured
    int ranks = 1;
    int threads = 1;  // per rank
    /// Which of several runs speaks: before each line on the terminal, where only the first line
    /// of a long message then stands.
    std::string prefix = {};
  };
  RunReporter(const RunConfig& config, const Options& options);
  ~RunReporter() override;

  void message(const std::string& text) override;
  void warning(const std::string& text) override;
  void step(const StepReport& report) override;
  void validation(const ValidationReport& report) override;
  void checkpoint(const CheckpointReport& report) override;
  void resumed(std::int64_t step) override;

 private:
  std::string step_line(const StepReport& report, double loss) const;
  void live(const std::string& line);
  void say(const std::string& text);
  void open_log();

  RunConfig config_;
  RunFolder folder_;
  Options options_;
  MetricsFile metrics_;
  std::shared_ptr<spdlog::logger> log_;
  std::unique_ptr<TensorboardWriter> tensorboard_;
  std::optional<PoolUse::Summary> use_;  // of the newest window
  double smoothed_seconds_ = 0;
  double loss_sum_ = 0;  // of the steps since the last line in the log, and their number
  std::int64_t loss_steps_ = 0;
  std::int64_t first_step_ = 0;
  std::chrono::steady_clock::time_point shown_;
  bool line_is_open_ = false;
  bool told_of_gaps_ = false;
};

}  // namespace mneme
