#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>

#include "train/reporter.h"

namespace mneme {

/// metrics.jsonl: one JSON object per line, with "kind": step, use, validation or checkpoint, and
/// "step". docs/metrics.md describes the fields.
class MetricsFile {
 public:
  explicit MetricsFile(std::filesystem::path path) : path_(std::move(path)) {}
  /// Opens the file without the lines of later steps, so that a resumed run says nothing twice.
  void start_after(std::int64_t step);
  void write(const StepReport& report);
  void write(const ValidationReport& report);
  void write(const CheckpointReport& report);

 private:
  void line(const nlohmann::json& json);
  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace mneme
