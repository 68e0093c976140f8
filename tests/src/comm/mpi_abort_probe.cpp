// A job in which one rank fails while the others wait for it, or do not listen at all. Run by
// mpi_abort_test.cmake with 3 ranks.
#include <csignal>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "base/check.h"
#include "comm/mpi_session.h"

namespace mneme {
namespace {

void run(const MpiSession& session) {
  const auto world = session.world();
  require(world->size() == 3, Fault::bug, "wanted 3 ranks, found {}", world->size());
  world->barrier();
  if (world->rank() == 1) fail(Fault::data, "the token file is cut short");
  if (world->rank() == 2) {  // deaf and busy
    (void)std::signal(SIGTERM, SIG_IGN);
    for (volatile bool busy = true; busy;) {
    }
  }
  world->barrier();
}

}  // namespace
}  // namespace mneme

int main() {
  int rank = 0;
  try {
    const mneme::MpiSession session;
    rank = session.world_rank().value;
    mneme::run(session);
  } catch (const mneme::Error& e) {
    fmt::print(stderr, "[rank {}] {}\n", rank, e.what());
    mneme::abort_job(static_cast<int>(e.fault()));
  }
  fmt::print("not reached\n");
  return 0;
}
