#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "comm/thread_comm.h"

namespace mneme {

/// Runs body(world) on `ranks` threads, each with its rank's communicator, and waits for all. When
/// a rank throws, the others leave their collectives with an error, and the first exception is
/// rethrown here. gtest's EXPECT_* may be used inside; ASSERT_* only leaves its own rank.
inline void run_ranks(int ranks,
                      const std::function<void(Communicator&)>& body,
                      Signatures signatures = Signatures::checked) {
  ThreadWorld world(ranks, 1, signatures);
  std::exception_ptr first;  // written by the one thread whose fail() comes first, read after join
  const auto run_rank = [&](int rank) {
    try {
      const auto mine = world.communicator(rank);
      body(*mine);
    } catch (const std::exception& e) {
      if (world.fail(rank, e.what())) first = std::current_exception();
    } catch (...) {
      if (world.fail(rank, "not a std::exception")) first = std::current_exception();
    }
    world.leave(rank);
  };
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < ranks; ++rank) threads.emplace_back(run_rank, rank);
  threads.clear();  // joins
  if (first != nullptr) std::rethrow_exception(first);
}

}  // namespace mneme
