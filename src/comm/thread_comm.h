#pragma once

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "comm/signature.h"

namespace mneme {

/// N ranks as threads of one process: everything distributed can be tested, and run under a thread
/// sanitizer, without MPI.
///
/// One ThreadWorld outlives its communicators; thread r takes `communicator(r)`. A rank that cannot
/// go on says so with `fail`: all others leave the collective they wait in, or enter next, with an
/// Error. A rank that is done says `leave`: who would wait for it for ever gets an Error instead.
class ThreadWorld {
 public:
  /// `threads_per_rank`: what each rank computes with; ranks x threads beyond the cores never spin.
  explicit ThreadWorld(int ranks,
                       int threads_per_rank = 1,
                       Signatures signatures = default_signatures);
  ~ThreadWorld();
  ThreadWorld(const ThreadWorld&) = delete;
  ThreadWorld& operator=(const ThreadWorld&) = delete;

  int size() const;
  /// The communicator "world" of one rank. Each rank takes it once.
  std::unique_ptr<Communicator> communicator(int rank);
  /// True for the first failure; only its reason is shown to the others.
  bool fail(int rank, const std::string& reason);
  void leave(int rank);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mneme
