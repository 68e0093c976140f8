#include "comm/thread_comm.h"

#include <array>
#include <atomic>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/scope.h"
#include "comm/self_comm.h"
#include "runtime/exec.h"
#include "support/comm_backend.h"
#include "support/ranks.h"

namespace mneme {

std::vector<CommBackend> comm_backends() {
  using Body = std::function<void(Communicator&)>;
  std::vector<CommBackend> all;
  all.push_back({"self", 1, [](const Body& body) {
                   SelfComm world("world");
                   body(world);
                 }});
  for (const int n : {1, 2, 3, 4}) {
    all.push_back({"thread_" + std::to_string(n), n,
                   [n](const Body& body) { run_ranks(n, body, Signatures::unchecked); }});
  }
  all.push_back({"thread_checked_3", 3, [](const Body& body) { run_ranks(3, body); }});
  return all;
}

namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StrEq;

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

struct Host {
  Arena scratch = Arena("scratch", 1 << 16, cpu_device);
  Exec ex{cpu_device, scratch};
  std::array<float, 8> memory{};
  View floats(std::int64_t n) {
    return view_of<float>(std::span<float>(memory).first(size_of(n)), {n});
  }
};

TEST(ThreadComm, AFailingRankFreesTheOthersAndIsHeardFirst) {
  for (const int guilty : {0, 2}) {
    std::atomic<int> freed = 0;
    const auto run = [&] {
      run_ranks(4, [&](Communicator& world) {
        Host h;
        world.barrier();
        if (world.rank() == guilty) throw std::runtime_error("the disk of rank is full");
        try {
          world.all_reduce(h.floats(1), Reduce::sum, h.ex).wait();
        } catch (const Error& e) {
          EXPECT_EQ(e.fault(), Fault::machine);
          EXPECT_THAT(e.what(), HasSubstr("rank " + std::to_string(guilty) +
                                          " failed: the disk of rank is full"));
          ++freed;
          throw;
        }
      });
    };
    EXPECT_EQ(message_of(run), "the disk of rank is full");
    EXPECT_EQ(freed, 3);
  }
}

TEST(ThreadComm, ARankThatIsDoneIsNotWaitedFor) {
  const auto run = [] {
    run_ranks(3, [](Communicator& world) {
      if (world.rank() != 1) world.barrier();
    });
  };
  EXPECT_THAT(message_of(run), HasSubstr("waits for rank 1, which is done"));
}

TEST(ThreadComm, AFailureReachesRanksThatWaitInAGroup) {
  const auto run = [] {
    run_ranks(4, [](Communicator& world) {
      const auto pair = world.split("pair", world.rank() / 2, 0);
      if (world.rank() == 3) throw std::runtime_error("rank 3 fell over");
      if (world.rank() != 2) pair->barrier();
      if (world.rank() < 2) world.barrier();
      if (world.rank() == 2) pair->barrier();
    });
  };
  EXPECT_EQ(message_of(run), "rank 3 fell over");
}

TEST(Signature, DifferentCollectivesAreNamedInsteadOfHanging) {
  const auto run = [] {
    run_ranks(3, [](Communicator& world) {
      Host h;
      if (world.rank() == 2) {
        const Scope layer("layers", 4);
        const Scope memory("memory");
        std::array<float, 24> all{};
        world.all_gather(h.floats(8), view_of<float>(std::span<float>(all), {24}), h.ex).wait();
      } else {
        const Scope clip("grad_clip");
        world.all_reduce(h.floats(1), Reduce::sum, h.ex).wait();
      }
    });
  };
  const std::string two =
      "[rank 2] all_gather f32 8 in layers[4] > memory, but rank 0 is at all_reduce f32 1 in "
      "grad_clip";
  const char* others =
      "all_reduce f32 1 in grad_clip, but rank 2 is at all_gather f32 8 in layers[4] > memory";
  EXPECT_THAT(message_of(run), AnyOf(StrEq(two), HasSubstr(others)));
}

TEST(Signature, CountsKindsAndRootsMustAgree) {
  const auto differ = [](const std::function<void(Communicator&, Host&)>& op) {
    return message_of([&] {
      run_ranks(2, [&](Communicator& world) {
        Host h;
        op(world, h);
      });
    });
  };
  EXPECT_THAT(differ([](Communicator& w, Host& h) {
                w.all_reduce(h.floats(1 + w.rank()), Reduce::sum, h.ex).wait();
              }),
              HasSubstr("all_reduce f32 2 in start"));
  EXPECT_THAT(differ([](Communicator& w, Host& h) {
                w.all_reduce(h.floats(1), w.rank() == 0 ? Reduce::max : Reduce::sum, h.ex).wait();
              }),
              HasSubstr("all_reduce max f32 1 in start"));
  EXPECT_THAT(
      differ([](Communicator& w, Host& h) { w.broadcast(h.floats(2), w.rank(), h.ex).wait(); }),
      HasSubstr("broadcast f32 2 from rank 1 in start"));
  EXPECT_THAT(differ([](Communicator& w, Host& h) {
                const std::array<std::int64_t, 2> to{1, 2};
                const std::array<std::int64_t, 2> from{1, w.rank() == 0 ? 1 : 3};
                const std::int64_t rows = from[0] + from[1];
                w.all_to_all(h.floats(3), to, h.floats(8).rows(4, 4 + rows), from, h.ex).wait();
              }),
              HasSubstr("from rank"));
}

TEST(Communicator, RefusesViewsThatDoNotFit) {
  SelfComm world("world");
  Host h;
  const auto error = [&](const auto& f) { return message_of([&] { f(); }); };
  EXPECT_EQ(error([&] { world.all_gather(h.floats(3), h.floats(4), h.ex).wait(); }),
            "all_gather on 'world': 3 f32 of each of 1 ranks do not make 4 f32");
  EXPECT_EQ(error([&] { world.reduce_scatter(h.floats(3), h.floats(4), h.ex).wait(); }),
            "reduce_scatter on 'world': 3 f32 do not split into 1 pieces of 4 f32");
  const std::array<std::int64_t, 1> three{3};
  EXPECT_EQ(error([&] {
              world.all_to_all(h.floats(3), three, h.floats(8).rows(3, 7), three, h.ex).wait();
            }),
            "all_to_all on 'world': 3 rows to send and 4 to receive, the counts add up to 3 and 3");
  EXPECT_THAT(error([&] {
                world.all_to_all(h.floats(3), three, h.floats(8).rows(1, 4), three, h.ex).wait();
              }),
              HasSubstr("share memory"));
  EXPECT_EQ(error([&] {
              const View v(nullptr, DType::bf16, {2}, cpu_device);
              world.all_reduce(v, Reduce::sum, h.ex).wait();
            }),
            "all_reduce of bf16: only f32, f64, i32 and i64 can be reduced");
  EXPECT_EQ(error([&] { world.broadcast(h.floats(1), 1, h.ex).wait(); }),
            "broadcast on 'world' from rank 1 of 1");
}

}  // namespace
}  // namespace mneme
