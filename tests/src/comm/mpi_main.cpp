// The tests of the collectives under mpirun: every rank runs all of them. Rank 0 reports; another
// rank speaks only of its own failures. An exception ends all ranks.
#include <cstdio>
#include <exception>
#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "comm/mpi_comm.h"
#include "comm/mpi_session.h"
#include "support/comm_backend.h"

namespace mneme {

std::vector<CommBackend> comm_backends() {
  using Body = std::function<void(Communicator&)>;
  const int ranks = make_mpi_world("count")->size();
  const auto backend = [&](const char* name, std::size_t message_bytes, Signatures signatures) {
    return CommBackend{name, ranks, [=](const Body& body) {
                         const auto world = make_mpi_world("world", message_bytes, signatures);
                         body(*world);
                       }};
  };
  return {backend("mpi", mpi_message_bytes, Signatures::unchecked),
          backend("mpi_checked", mpi_message_bytes, Signatures::checked),
          backend("mpi_pieces_of_many_messages", 10000, Signatures::unchecked)};
}

namespace {

class FailuresOnly : public testing::EmptyTestEventListener {
 public:
  explicit FailuresOnly(int rank) : rank_(rank) {}
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    fmt::print(stderr, "[rank {}] {}:{}: {}\n", rank_,
               result.file_name() == nullptr ? "" : result.file_name(), result.line_number(),
               result.message());
  }

 private:
  int rank_;
};

int run_all(int& argc, char** argv) {
  const MpiSession session;
  if (!session.uses_mpi()) {
    fmt::print(stderr, "start this program with mpirun\n");
    return 1;
  }
  testing::InitGoogleTest(&argc, argv);
  testing::GTEST_FLAG(catch_exceptions) = false;
  if (session.world_rank().value != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(std::make_unique<FailuresOnly>(session.world_rank().value).release());
  }
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace mneme

int main(int argc, char** argv) {
  try {
    return mneme::run_all(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "a test threw: {}\n", e.what());
    mneme::abort_job(1);
  }
}
