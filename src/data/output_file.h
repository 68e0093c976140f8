#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/file.h"

namespace mneme {

/// A file that is written from front to back, through a buffer. Closes without a flush: what was
/// not committed by sync() may be lost. Errors are those of File.
class OutputFile {
 public:
  enum class Open { fresh, append };
  OutputFile(const std::filesystem::path& path, Open open);

  void append(std::span<const std::byte> bytes);
  /// Bytes appended so far, and those that were there when it was opened.
  std::int64_t size() const { return written_ + std::ssize(buffer_); }
  /// Everything appended is on the disk when this returns.
  void sync();
  /// Cuts the file; used to forget what was written after the last commit.
  void truncate(std::int64_t size);

 private:
  void flush();
  File file_;
  std::int64_t written_;  // bytes
  std::vector<std::byte> buffer_;
};

}  // namespace mneme
