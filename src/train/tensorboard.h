#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace mneme {

/// Writes scalars as a TensorBoard event file: `tensorboard --logdir FOLDER` shows them. A resumed
/// run adds a file; TensorBoard takes the later of two values of a step. The format is encoded
/// here: Debian's SentencePiece library exports a protobuf of its own, and crashes beside another.
class TensorboardWriter {
 public:
  explicit TensorboardWriter(const std::filesystem::path& folder);
  void add(std::int64_t step, const std::vector<std::pair<std::string, double>>& scalars);

 private:
  void write(const std::string& record_bytes);
  std::ofstream out_;
};

}  // namespace mneme
