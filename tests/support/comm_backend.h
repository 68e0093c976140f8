#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "comm/communicator.h"

namespace mneme {

/// A way to run a body on several ranks. The same tests of the collectives run on every one.
struct CommBackend {
  std::string name;  // "thread_3"
  int ranks;
  std::function<void(const std::function<void(Communicator&)>&)> run;
  friend std::ostream& operator<<(std::ostream& out, const CommBackend& b) { return out << b.name; }
};

/// The back ends of this test program: one rank alone and threads, or MPI. Each program has its
/// own.
std::vector<CommBackend> comm_backends();

}  // namespace mneme
