#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/schema.h"

namespace mneme {

/// Which checkpoints of a run stay.
struct RetentionConfig {
  std::int64_t keep_last = 3;
  std::int64_t keep_every = 0;
  std::int64_t weights_every = 0;

  static void describe(Schema<RetentionConfig>& s);
};

struct Pruned {
  std::vector<std::string> removed;   // names
  std::vector<std::string> problems;  // what could not be removed and why
};

/// Removes full checkpoints that the rules do not keep. Only those without defect count towards
/// `keep_last`, and only they are removed: the newest one that can be loaded always stays. Copies
/// of weights alone always stay. For one process, after a save.
Pruned prune_checkpoints(const std::filesystem::path& folder, const RetentionConfig& config);

}  // namespace mneme
