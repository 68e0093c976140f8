#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/run_config.h"

namespace mneme {

/// Where the files of a run are.
struct RunFolder {
  std::filesystem::path root;
  explicit RunFolder(const RunConfig& config)
      : root(std::filesystem::path(config.output) / config.name) {}
  std::filesystem::path config() const { return root / "config.yaml"; }
  std::filesystem::path metrics() const { return root / "metrics.jsonl"; }
  std::filesystem::path log() const { return root / "log.txt"; }
  std::filesystem::path checkpoints() const { return root / "checkpoints"; }
  std::filesystem::path tensorboard() const { return root / "tensorboard"; }
};

/// Refuses to go on with a config that would compute something else than `saved` did, with the
/// differences; options that `overrides` (--set) name are allowed to differ, and returned as
/// "key: before -> after". Fault::user.
std::vector<std::string> require_same_run(const std::string& saved,
                                          const RunConfig& now,
                                          const std::vector<std::string>& overrides,
                                          const std::string& where);

}  // namespace mneme
