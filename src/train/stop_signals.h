#pragma once

namespace mneme {

/// SIGINT, SIGTERM and SIGUSR2 as a question instead of an interruption. Made in main before any
/// other thread, which inherit the blocked signals. No handler, no global state: a signalfd is
/// read.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The last signal that came since construction, 0 if none. Does not wait.
  int pending();

 private:
  int descriptor_;
  int last_ = 0;
};

}  // namespace mneme
