#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace mneme {

/// What one rank sent to others through one communicator, by operation. Copies to itself and the
/// checks of heavy builds are not counted; a measuring run counts what the real run would send.
struct Traffic {
  struct Line {
    std::string_view operation;  // "all_to_all"
    std::int64_t calls = 0;
    std::int64_t bytes = 0;
  };
  std::vector<Line> lines;  // in the order of their first use

  /// Bytes of all operations.
  std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const Line& line : lines) sum += line.bytes;
    return sum;
  }
  /// The line of one operation; zeros if it was never used.
  Line of(std::string_view operation) const {
    for (const Line& line : lines) {
      if (line.operation == operation) return line;
    }
    return {operation};
  }
};

}  // namespace mneme
