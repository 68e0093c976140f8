// The collectives against plain loops, on every back end (support/comm_backend.h).
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/math.h"
#include "comm/communicator.h"
#include "runtime/exec.h"
#include "support/comm_backend.h"

namespace mneme {
namespace {

using testing::ElementsAre;

/// Element i of what rank r brings, known to all ranks. Values whose f32 sum depends on the order.
float value(int r, std::int64_t i) {
  const std::int64_t bits = (i * 40503 + r * 9973 + 12345) % 65521;
  const std::array scales{1.0F, 0.1F, 1000.0F, 7.0F, 1e-4F};
  return (static_cast<float>(bits) - 32760.5F) * scales[size_of((i + r) % 5)];
}

std::vector<float> values(int r, std::int64_t count) {
  std::vector<float> v(size_of(count));
  for (std::int64_t i = 0; i < count; ++i) v[size_of(i)] = value(r, i);
  return v;
}

/// ((x0 + x1) + x2) + ... in f32, by hand.
float sum_in_rank_order(int ranks, std::int64_t i) {
  float sum = value(0, i);
  for (int r = 1; r < ranks; ++r) sum += value(r, i);
  return sum;
}

template <class X>
View view(std::vector<X>& v) {
  return view_of<X>(std::span<X>(v), {static_cast<std::int64_t>(v.size())});
}
template <class X>
View rows_view(std::vector<X>& v, std::int64_t width) {
  return view_of<X>(std::span<X>(v), {static_cast<std::int64_t>(v.size()) / width, width});
}

/// What a rank needs to run ops.
struct Rank {
  explicit Rank(std::size_t scratch_bytes = std::size_t{40} << 20)
      : scratch("scratch", scratch_bytes, cpu_device), ex{cpu_device, scratch} {}
  Arena scratch;
  Exec ex;
};

class Collectives : public testing::TestWithParam<CommBackend> {
 protected:
  void run(const std::function<void(Communicator&, Exec&)>& body) {
    GetParam().run([&](Communicator& world) {
      ASSERT_EQ(world.size(), GetParam().ranks);
      Rank rank;
      body(world, rank.ex);
      EXPECT_EQ(rank.scratch.used(), 0U);
    });
  }
};

TEST_P(Collectives, AllGatherPutsPiecesInRankOrder) {
  for (const std::int64_t n : {0, 1, 3, 1000}) {
    run([n](Communicator& world, Exec& ex) {
      std::vector<float> mine = values(world.rank(), n);
      std::vector<float> whole(size_of(n * world.size()), -1.0F);
      world.all_gather(view(mine), view(whole), ex).wait();
      for (int r = 0; r < world.size(); ++r) {
        for (std::int64_t i = 0; i < n; ++i) {
          ASSERT_EQ(whole[size_of(r * n + i)], value(r, i)) << r << " " << i;
        }
      }
    });
  }
}

TEST_P(Collectives, AllGatherMayBeInPlace) {
  run([](Communicator& world, Exec& ex) {
    std::vector<std::int32_t> whole(size_of(world.size() * 5), -1);
    const View all = view(whole);
    const View mine = all.rows(world.rank() * 5, world.rank() * 5 + 5);
    for (std::int32_t& x : mine.span<std::int32_t>()) x = world.rank();
    world.all_gather(mine, all, ex).wait();
    for (std::size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(whole[i], static_cast<std::int32_t>(i) / 5);
    }
  });
}

TEST_P(Collectives, AllGatherRowsTakesPiecesOfAnyLength) {
  run([](Communicator& world, Exec& ex) {  // rank r brings 2r rows of 3; rank 0 none
    std::vector<std::int64_t> rows_from;
    for (int r = 0; r < world.size(); ++r) rows_from.push_back(2 * r);
    const auto total = std::accumulate(rows_from.begin(), rows_from.end(), std::int64_t{0});
    std::vector<float> mine = values(world.rank(), 2 * world.rank() * 3);
    std::vector<float> whole(size_of(total * 3), -1.0F);
    world.all_gather_rows(rows_view(mine, 3), rows_view(whole, 3), rows_from, ex).wait();
    std::size_t at = 0;
    for (int r = 0; r < world.size(); ++r) {
      for (std::int64_t i = 0; i < 2 * r * 3; ++i) EXPECT_EQ(whole[at++], value(r, i));
    }
    EXPECT_EQ(at, whole.size());
  });
}

/// Rows that rank a sends to rank b; zero for some pairs and on some diagonals.
std::int64_t rows_between(int a, int b) {
  return (a * 2 + b * 3) % 4;
}

TEST_P(Collectives, AllToAllBringsEachRankItsRows) {
  constexpr std::int64_t width = 4;
  run([](Communicator& world, Exec& ex) {
    const int me = world.rank();
    std::vector<std::int64_t> to;
    std::vector<std::int64_t> from;
    std::vector<std::int64_t> send;
    for (int p = 0; p < world.size(); ++p) {
      to.push_back(rows_between(me, p));
      from.push_back(rows_between(p, me));
      for (std::int64_t i = 0; i < to.back() * width; ++i) send.push_back(me * 10000 + p * 100 + i);
    }
    const auto rows = std::accumulate(from.begin(), from.end(), std::int64_t{0});
    std::vector<std::int64_t> recv(size_of(rows * width), -1);
    world.all_to_all(rows_view(send, width), to, rows_view(recv, width), from, ex).wait();
    std::size_t at = 0;
    for (int p = 0; p < world.size(); ++p) {
      for (std::int64_t i = 0; i < rows_between(p, me) * width; ++i) {
        EXPECT_EQ(recv[at++], p * 10000 + me * 100 + i);
      }
    }
    EXPECT_EQ(at, recv.size());
  });
}

TEST_P(Collectives, TwoExchangesMayBeUnderWay) {
  run([](Communicator& world, Exec& ex) {
    const auto n = static_cast<std::size_t>(world.size());
    std::vector<std::int32_t> a{world.rank()};
    std::vector<std::int64_t> b{world.rank() + 100};
    std::vector<std::int32_t> all_a(n);
    std::vector<std::int64_t> all_b(n);
    Pending first = world.all_gather(view(a), view(all_a), ex);
    Pending second = world.all_gather(view(b), view(all_b), ex);
    second.wait();
    first.wait();
    for (int r = 0; r < world.size(); ++r) {
      EXPECT_EQ(all_a[size_of(r)], r);
      EXPECT_EQ(all_b[size_of(r)], r + 100);
    }
  });
}

TEST_P(Collectives, ReduceScatterSumsInRankOrder) {
  for (const std::int64_t n : {1, 5, 4099}) {
    run([n](Communicator& world, Exec& ex) {
      std::vector<float> whole = values(world.rank(), n * world.size());
      std::vector<float> mine(size_of(n), -1.0F);
      world.reduce_scatter(view(whole), view(mine), ex).wait();
      for (std::int64_t i = 0; i < n; ++i) {
        ASSERT_EQ(mine[size_of(i)], sum_in_rank_order(world.size(), world.rank() * n + i)) << i;
      }
    });
  }
}

TEST_P(Collectives, ReduceScatterMayEndInItsOwnPiece) {
  run([](Communicator& world, Exec& ex) {
    constexpr std::int64_t n = 100;
    std::vector<float> whole = values(world.rank(), n * world.size());
    const View all = view(whole);
    const View own = all.rows(world.rank() * n, world.rank() * n + n);
    world.reduce_scatter(all, own, ex).wait();
    for (std::int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(own.span<float>()[size_of(i)],
                sum_in_rank_order(world.size(), world.rank() * n + i));
    }
  });
}

/// Sizes on both sides of the switch from one exchange to two, with blocks of uneven length.
TEST_P(Collectives, AllReduceSumsInRankOrderAtEverySize) {
  for (const std::int64_t n : {0, 1, 7, 1023, 4096, 20011}) {
    run([n](Communicator& world, Exec& ex) {
      std::vector<float> x = values(world.rank(), n);
      world.all_reduce(view(x), Reduce::sum, ex).wait();
      for (std::int64_t i = 0; i < n; ++i) {
        ASSERT_EQ(x[size_of(i)], sum_in_rank_order(world.size(), i)) << n << " " << i;
      }
    });
  }
}

/// More than one tile of 16 MiB: every element right, and no more scratch than the bound.
TEST_P(Collectives, LargeReductionsGoInTiles) {
  constexpr std::int64_t n = (std::int64_t{5} << 20) + 3;
  run([](Communicator& world, Exec& ex) {
    std::vector<std::int32_t> x(size_of(n));
    for (std::int64_t i = 0; i < n; ++i)
      x[size_of(i)] = narrow<std::int32_t>(i % 1000 + world.rank());
    world.all_reduce(view(x), Reduce::sum, ex).wait();
    const std::int64_t ranks_sum = world.size() * (world.size() - 1) / 2;
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      if (x[size_of(i)] != i % 1000 * world.size() + ranks_sum) ++wrong;
    }
    EXPECT_EQ(wrong, 0);

    std::vector<std::int32_t> mine(size_of(n / world.size()));
    const View whole = view(x).rows(0, n / world.size() * world.size());
    world.reduce_scatter(whole, view(mine), ex).wait();
    wrong = 0;
    for (std::size_t i = 0; i < mine.size(); ++i) {
      const std::size_t at = mine.size() * size_of(world.rank()) + i;
      if (mine[i] != x[at] * world.size()) ++wrong;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_LE(ex.scratch.peak(), (std::size_t{16} << 20) + 4096);
  });
}

TEST_P(Collectives, AllReduceOfEachTypeAndKind) {
  run([](Communicator& world, Exec& ex) {
    const int last = world.size() - 1;
    const int sum = world.size() * last / 2;
    std::vector<double> f{world.rank() + 0.5, -1.0 * world.rank()};
    std::vector<std::int64_t> i{(std::int64_t{1} << 40) + world.rank(), -world.rank()};
    auto f_max = f;
    auto f_min = f;
    auto i_max = i;
    auto i_min = i;
    world.all_reduce(view(f), Reduce::sum, ex).wait();
    world.all_reduce(view(f_max), Reduce::max, ex).wait();
    world.all_reduce(view(f_min), Reduce::min, ex).wait();
    world.all_reduce(view(i), Reduce::sum, ex).wait();
    world.all_reduce(view(i_max), Reduce::max, ex).wait();
    world.all_reduce(view(i_min), Reduce::min, ex).wait();
    EXPECT_THAT(f, ElementsAre(sum + 0.5 * world.size(), -sum));
    EXPECT_THAT(f_max, ElementsAre(last + 0.5, 0));
    EXPECT_THAT(f_min, ElementsAre(0.5, -last));
    EXPECT_THAT(i, ElementsAre((std::int64_t{1} << 40) * world.size() + sum, -sum));
    EXPECT_THAT(i_max, ElementsAre((std::int64_t{1} << 40) + last, 0));
    EXPECT_THAT(i_min, ElementsAre(std::int64_t{1} << 40, -last));
  });
}

TEST_P(Collectives, NanOfAnyRankWins) {
  run([](Communicator& world, Exec& ex) {
    for (int who = 0; who < world.size(); ++who) {
      for (const Reduce op : {Reduce::sum, Reduce::max, Reduce::min}) {
        const float nan = std::numeric_limits<float>::quiet_NaN();
        std::vector<float> x{world.rank() == who ? nan : 1.0F, 2.0F};
        world.all_reduce(view(x), op, ex).wait();
        EXPECT_TRUE(std::isnan(x[0])) << enum_name(op) << " of rank " << who;
        EXPECT_FALSE(std::isnan(x[1]));
      }
    }
  });
}

TEST_P(Collectives, BroadcastFromEachRankSmallAndLarge) {
  for (const std::int64_t n : {0, 1, 30000}) {
    run([n](Communicator& world, Exec& ex) {
      for (int root = 0; root < world.size(); ++root) {
        std::vector<float> x = values(world.rank(), n);
        world.broadcast(view(x), root, ex).wait();
        for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(x[size_of(i)], value(root, i)) << i;
      }
    });
  }
}

TEST_P(Collectives, SplitOrdersByKeyThenRank) {
  run([](Communicator& world, Exec& ex) {  // even and odd ranks, each in reverse order
    const auto half = world.split("half", world.rank() % 2, -world.rank());
    EXPECT_EQ(half->name(), "half");
    std::vector<std::int32_t> mine{world.rank()};
    std::vector<std::int32_t> all(size_of(half->size()));
    half->all_gather(view(mine), view(all), ex).wait();
    std::vector<std::int32_t> expected;
    for (int r = world.size() - 1; r >= 0; --r) {
      if (r % 2 == world.rank() % 2) expected.push_back(r);
    }
    EXPECT_EQ(all, expected);
    half->barrier();
    world.barrier();
  });
}

TEST_P(Collectives, MeasuredTrafficAndScratchAreTheRealOnes) {
  run([](Communicator& world, Exec& ex) {
    std::vector<float> large(30000);
    std::vector<float> small(3);
    std::vector<float> all(size_of(3 * world.size()));
    const auto step = [&](Exec& e) {
      world.all_reduce(view(large), Reduce::sum, e).wait();
      world.all_reduce(view(small), Reduce::max, e).wait();
      world.all_gather(view(small), view(all), e).wait();
      world.reduce_scatter(view(all), view(small), e).wait();
      world.broadcast(view(large), 0, e).wait();
    };
    Arena measured = Arena::measuring("scratch");
    Exec measuring{cpu_device, measured};
    world.reset_traffic();
    step(measuring);
    const Traffic planned = world.traffic();
    world.reset_traffic();
    step(ex);
    const Traffic real = world.traffic();
    EXPECT_EQ(measured.peak(), ex.scratch.peak());
    ASSERT_EQ(planned.lines.size(), real.lines.size());
    for (const Traffic::Line& line : real.lines) {
      EXPECT_EQ(planned.of(line.operation).bytes, line.bytes) << line.operation;
      EXPECT_EQ(planned.of(line.operation).calls, line.calls) << line.operation;
    }
    EXPECT_EQ(real.of("all_gather").bytes, 3 * 4 * (world.size() - 1));
    EXPECT_EQ(real.of("all_reduce").calls, 2);
    EXPECT_EQ(real.bytes() == 0, world.size() == 1);
  });
}

INSTANTIATE_TEST_SUITE_P(Every,
                         Collectives,
                         testing::ValuesIn(comm_backends()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace mneme
