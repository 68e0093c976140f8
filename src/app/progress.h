#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mneme {

/// How far a long command is, on standard error: a bar that is drawn over itself on a terminal, and
/// elsewhere a plain line at most every five seconds. Standard output stays for results.
class Progress {
 public:
  /// `what` begins each line: "tokenising".
  explicit Progress(std::string what);
  /// Wipes the bar, so that the next line stands alone.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total` (0: not known), in any unit; `more` ends the line: "1.2 MB/s". Cheap to call
  /// often.
  void update(std::int64_t done, std::int64_t total, const std::string& more);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool is_terminal_;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace mneme
