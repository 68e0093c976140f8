#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/reporter.h"

namespace mneme {

/// What a run cost and reached: summary.json in its folder, written when training ends or is
/// interrupted.
struct RunSummary {
  std::string name;
  std::int64_t step = 0;
  std::int64_t steps = 0;
  int ranks = 1;
  int threads = 1;
  std::int64_t parameters = 0;
  std::int64_t pool_parameters = 0;
  double matmul_flop_per_token = 0;  // forward and backward, planned with full causal windows
  double train_seconds = 0;          // sum over all steps, over all parts of the run
  double tokens_per_second = 0;
  std::int64_t planned_bytes = 0;  // arenas of the busiest rank
  std::int64_t peak_bytes = 0;     // most memory of a rank (VmHWM)
  std::int64_t before_bytes = 0;   // of that, what stood before the arenas
  double rows_touched = -1;        // share in the last window; -1: no pool
  double effective_rows = -1;
};

/// Facts recalled by a model, by how often they were shown in training.
struct RecallGroup {
  std::int64_t exposures = 0;  // biographies per person; 0: unknown people, the control
  std::int64_t asked = 0;
  std::int64_t recalled = 0;
  double share() const {
    return asked > 0 ? static_cast<double>(recalled) / static_cast<double>(asked) : 0;
  }
};

/// What `mneme eval` found: eval.json.
struct EvalResult {
  std::int64_t step = 0;
  std::vector<ValidationReport> validation;
  std::vector<RecallGroup> recall;
};

void write_summary(const std::filesystem::path& run, const RunSummary& summary);
void write_eval(const std::filesystem::path& run, const EvalResult& result);
/// Nothing when the file is not there; Fault::data when it is not what was written.
std::optional<RunSummary> read_summary(const std::filesystem::path& run);
std::optional<EvalResult> read_eval(const std::filesystem::path& run);

/// What a run's metrics.jsonl tells of the steps up to `step`, over all parts of the run.
struct StepTimes {
  double seconds = 0;  // of all steps
  std::int64_t steps = 0;
  double rows_touched = -1;  // in the newest window of use; -1: there is none
  double effective_rows = -1;
};
StepTimes step_times(const std::filesystem::path& metrics, std::int64_t step);

}  // namespace mneme
