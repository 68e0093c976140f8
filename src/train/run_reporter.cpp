#include "train/run_reporter.h"

#include <cstdio>

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include "base/amount.h"
#include "runtime/process_memory.h"

namespace mneme {

RunReporter::RunReporter(const RunConfig& config, const Options& options)
    : config_(config), folder_(config), options_(options), metrics_(folder_.metrics()) {}

RunReporter::~RunReporter() {
  if (line_is_open_) fmt::print("\n");
}

void RunReporter::open_log() {
  log_ = std::make_shared<spdlog::logger>(
      "run", std::make_shared<spdlog::sinks::basic_file_sink_mt>(folder_.log().string()));
  log_->set_pattern("%Y-%m-%d %H:%M:%S %l %v");
  log_->flush_on(spdlog::level::info);
  if (config_.report.tensorboard)
    tensorboard_ = std::make_unique<TensorboardWriter>(folder_.tensorboard());
}

/// Lines that stay.
void RunReporter::say(const std::string& text) {
  if (line_is_open_) fmt::print("\r\x1b[K");
  line_is_open_ = false;
  const bool is_alone = options_.prefix.empty();
  fmt::print("{}{}\n", options_.prefix, is_alone ? text : text.substr(0, text.find('\n')));
  std::fflush(stdout);
}

/// The one line that is written over, a few times a second at most.
void RunReporter::live(const std::string& line) {
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < std::chrono::milliseconds(200)) return;
  shown_ = now;
  fmt::print("\r\x1b[K{}", line);
  std::fflush(stdout);
  line_is_open_ = true;
}

void RunReporter::message(const std::string& text) {
  say(text);
  if (log_) log_->info(text);
}

void RunReporter::warning(const std::string& text) {
  say("warning: " + text);
  if (log_) log_->warn(text);
}

std::string RunReporter::step_line(const StepReport& r, double loss) const {
  const double per_second = 1.0 / smoothed_seconds_;
  std::string line = fmt::format("step {}/{}  loss {:.4f}  lr {:.2e}  norm {:.2f}", r.step, r.steps,
                                 loss, r.lr, r.clip.norm);
  if (r.clip.norm_values > 0) line += fmt::format("  pool norm {:.2f}", r.clip.norm_values);
  line +=
      fmt::format("  {:.0f} tokens/s  {:.0f} GFLOP/s", static_cast<double>(r.tokens) * per_second,
                  r.matmul_flop * options_.ranks * per_second / 1e9);
  if (options_.matmul_peak > 0) {
    line += fmt::format(" ({:.0f}% of a large matmul)",
                        100 * r.matmul_flop * per_second / options_.matmul_peak);
  }
  if (r.pool_bytes > 0)
    line += fmt::format("  pool {:.2f} GB/s", r.pool_bytes * options_.ranks * per_second / 1e9);
  if (use_) line += fmt::format("  rows in use {:.0f}%", 100 * use_->touched);
  line += fmt::format("  {:.2f} GB  left {}", static_cast<double>(process_memory().peak) / 1e9,
                      seconds_text(static_cast<double>(r.steps - r.step) * smoothed_seconds_));
  return line;
}

void RunReporter::step(const StepReport& r) {
  metrics_.write(r);
  if (metrics_.has_gaps() && !told_of_gaps_) {
    told_of_gaps_ = true;
    warning(fmt::format("{} could not be written: lines are missing in it; training goes on",
                        folder_.metrics().string()));
  }
  if (r.use) use_ = r.use;
  smoothed_seconds_ =
      smoothed_seconds_ == 0 ? r.seconds : 0.9 * smoothed_seconds_ + 0.1 * r.seconds;
  const bool logged =
      r.step % config_.report.log_every == 0 || r.step == r.steps || r.step == first_step_ + 1;
  loss_sum_ += r.loss;
  ++loss_steps_;
  const std::string line = step_line(r, loss_sum_ / static_cast<double>(loss_steps_));
  if (options_.is_terminal) live(line);
  if (!logged) return;
  loss_sum_ = 0;
  loss_steps_ = 0;
  if (!options_.is_terminal) say(line);
  if (log_) log_->info(line);
  if (!tensorboard_) return;
  std::vector<std::pair<std::string, double>> scalars{
      {"train/loss", r.loss},
      {"train/lr", r.lr},
      {"train/grad_norm", r.clip.norm},
      {"train/grad_norm_values", r.clip.norm_values},
      {"speed/tokens_per_second", static_cast<double>(r.tokens) / smoothed_seconds_}};
  if (use_) {
    scalars.emplace_back("pool/rows_touched", use_->touched);
    scalars.emplace_back("pool/effective_rows", use_->effective_rows);
  }
  tensorboard_->add(r.step, scalars);
}

void RunReporter::validation(const ValidationReport& r) {
  metrics_.write(r);
  message(fmt::format("step {}  validation {}: loss {:.4f}, {:.4f} bits/byte over {} in {}", r.step,
                      r.name, r.loss, r.bits_per_byte, counted(r.targets, "target"),
                      seconds_text(r.seconds)));
  if (tensorboard_) {
    tensorboard_->add(r.step, {{"validation/" + r.name + "/loss", r.loss},
                               {"validation/" + r.name + "/bits_per_byte", r.bits_per_byte}});
  }
}

void RunReporter::checkpoint(const CheckpointReport& r) {
  metrics_.write(r);
  if (r.ok) {
    message(fmt::format("step {}  saved {} ({:.1f} MB in {:.1f} s)", r.step, r.message,
                        static_cast<double>(r.bytes) / 1e6, r.seconds));
  } else {
    warning(fmt::format(
        "step {} could not be saved: {}; training goes on, earlier checkpoints are kept", r.step,
        r.message));
  }
}

void RunReporter::resumed(std::int64_t step) {
  open_log();
  metrics_.start_after(step);
  first_step_ = step;
  const double peak = options_.matmul_peak * options_.ranks;
  metrics_.write(StartReport{step, options_.ranks, options_.threads, peak});
  if (peak > 0) {
    message(fmt::format(
        "a large matrix product reaches {:.1f} GFLOP/s here, on {} with {} at once: "
        "what follows is told as a share of it",
        peak / 1e9, counted(options_.ranks, "rank"), counted(options_.threads, "thread")));
  }
  if (step > 0) message(fmt::format("going on after step {} of {}", step, folder_.root.string()));
}

}  // namespace mneme
