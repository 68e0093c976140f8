#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>

#include "train/reporter.h"

namespace mneme {

/// With what a part of a run begins.
struct StartReport {
  std::int64_t step = 0;  // after which it begins
  int ranks = 1;
  int threads = 1;         // per rank
  double matmul_peak = 0;  // FLOP/s of a large matrix product, all ranks at once; 0: not measured
};

/// metrics.jsonl: one JSON object per line, with "kind": start, step, use, validation or
/// checkpoint, and "step". A part of a run, the first or one that goes on, begins with start.
class MetricsFile {
 public:
  explicit MetricsFile(std::filesystem::path path) : path_(std::move(path)) {}
  /// Opens the file without the lines of later steps, so that a resumed run says nothing twice.
  /// On a full disk the file stays as it was: Fault::machine.
  void start_after(std::int64_t step);
  /// Whether a line since then could not be written.
  bool has_gaps() const { return has_gaps_; }
  void write(const StartReport& report);
  void write(const StepReport& report);
  void write(const ValidationReport& report);
  void write(const CheckpointReport& report);

 private:
  void line(const nlohmann::json& json);
  std::filesystem::path path_;
  std::ofstream out_;
  bool has_gaps_ = false;
};

}  // namespace mneme
