// `exact` against `dense`: METHOD 6's table of gaps and gradients, catch-up and patches.
#include <cstdio>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include "kernels/memory/pool_fixture.h"
#include "kernels/memory/pool_update.h"

#include "support/op_check.h"

namespace mneme::test {
namespace {

using Storage = TestPool::Storage;
constexpr std::int64_t all_steps = 1600, warm_up = 100, first_touch = 60, touches = 4;

double ulp_of(double x) {
  const float f = std::abs(static_cast<float>(x));
  return static_cast<double>(std::nextafter(f, INFINITY) - f);
}

std::vector<float> gradients(std::size_t n, double size, std::uint64_t step) {
  const Philox random(3, "test/gradients");
  std::vector<float> g(n);
  for (std::size_t i = 0; i < n; ++i) g[i] = static_cast<float>(size * random.normal(step, i));
  return g;
}

/// Touches row 0 in a few steps, leaves it alone for `gap` steps, and touches it again.
void run(TestPool& pool, PoolUpdate mode, const Schedule& schedule, std::int64_t gap, double size) {
  with_exec(2, [&](Exec& ex) {
    const std::int64_t again = first_touch + touches + gap;
    for (std::int64_t s = 1; s <= again; ++s) {
      const bool is_touched = (s >= first_touch && s < first_touch + touches) || s == again;
      const TestSums sums(pool.rows, pool.width,
                          is_touched ? std::vector<std::int32_t>{0} : std::vector<std::int32_t>{},
                          is_touched
                              ? gradients(size_of(pool.width), size, static_cast<std::uint64_t>(s))
                              : std::vector<float>{});
      if (mode == PoolUpdate::dense || is_touched) {
        pool_update(ex, {.state = &pool.state,
                         .sums = &sums.view,
                         .mode = mode,
                         .step = schedule.step(s),
                         .history = schedule.history()});
      }
    }
  });
}

struct Deviation {
  double ulps = 0;    // largest, in ulps of the weight at its start or end, whichever is larger
  double excess = 0;  // over the bound, largest
  double moment = 0;  // of m and v, relative to the row's largest
};

/// The bound: the factors of a replayed step carry up to i + 8 more roundings than those of the
/// dense rule, which is relative to the step's movement; both round the weight after each step, and
/// may straddle a boundary twice; a decayed weight is rounded in each step of dense, of exact once.
Deviation compare(const std::vector<float>& start,
                  const TestPool& dense,
                  const TestPool& exact,
                  double lr,
                  double weight_decay,
                  std::int64_t gap) {
  const std::int64_t lags = first_touch + gap;  // steps that dense took and exact replayed
  Deviation d;
  const auto largest = [&](const std::vector<float>& x) {
    float most = 0;
    for (std::size_t i = 0; i < size_of(dense.width); ++i) most = std::max(most, std::abs(x[i]));
    return static_cast<double>(most);
  };
  const double m_size = largest(dense.m), v_size = largest(dense.v);
  const double most_moved = 40 * lr;  // a sum of 0.923^i steps of up to 3 lr
  for (std::size_t i = 0; i < size_of(dense.width); ++i) {
    const double a = static_cast<double>(dense.weights[i]),
                 b = static_cast<double>(exact.weights[i]);
    const double ulp = ulp_of(std::max(std::abs(a), std::abs(static_cast<double>(start[i]))));
    const double bound = 2 * ulp + 40 * 0x1p-24 * most_moved +
                         (weight_decay > 0 ? 0.5 * static_cast<double>(lags) * ulp : 0);
    d.ulps = std::max(d.ulps, std::abs(a - b) / ulp);
    d.excess = std::max(d.excess, std::abs(a - b) - bound);
    d.moment = std::max({d.moment, std::abs(static_cast<double>(dense.m[i] - exact.m[i])) / m_size,
                         std::abs(static_cast<double>(dense.v[i] - exact.v[i])) / v_size});
  }
  return d;
}

TEST(PoolExact, EqualsDenseOverGapsAndGradients) {
  const double lr = 1e-3;
  for (const double weight_decay : {0.0, 0.1}) {
    std::printf(
        "largest deviation of exact from dense in ulps (of the larger of a weight at start and "
        "end), weight_decay %g\n",
        weight_decay);
    std::printf("     gap    g=1e-9  g=1e-8  g=1e-7  g=1e-6  g=1e-5  g=1e-4  g=1e-3\n");
    const Schedule schedule(all_steps, warm_up, lr, weight_decay);
    for (const std::int64_t gap : {1, 10, 100, 1000}) {
      std::printf("%8lld  ", static_cast<long long>(gap));
      for (int power = -9; power <= -3; ++power) {
        TestPool dense(2, 768, Storage::f32, PoolUpdate::dense),
            exact(2, 768, Storage::f32, PoolUpdate::exact);
        const std::vector<float> start = dense.weights;
        run(dense, PoolUpdate::dense, schedule, gap, std::pow(10, power));
        run(exact, PoolUpdate::exact, schedule, gap, std::pow(10, power));
        const Deviation d = compare(start, dense, exact, lr, weight_decay, gap);
        std::printf("%8.2f", d.ulps);
        EXPECT_LE(d.excess, 0) << "gap " << gap << ", gradient 1e" << power;
        EXPECT_LE(d.moment, 0x1p-24 * (10 + 0.5 * static_cast<double>(gap)))
            << "gap " << gap << ", gradient 1e" << power;
        EXPECT_NE(dense.weights, start);
      }
      std::printf("\n");
    }
  }
}

// The product of all decays until step 1200 is 2^-1200, less than f64 holds: the decay of the three
// steps that the row owes must not be lost in it.
TEST(PoolExact, ADecayThatHasSwallowedEverythingBeforeStillReplays) {
  const Schedule schedule(1300, 1, 0.5, 1.0, 1.0);
  TestPool dense(1, 33, Storage::f32, PoolUpdate::dense),
      exact(1, 33, Storage::f32, PoolUpdate::exact);
  with_exec(2, [&](Exec& ex) {
    const TestSums sums(1, 33, {0}, gradients(33, 1e-3, 1)), none(1, 33, {}, {});
    for (std::int64_t s = 1; s <= 1204; ++s) {
      const bool is_touched = s <= 1200 || s == 1204;
      pool_update(ex, {.state = &dense.state,
                       .sums = is_touched ? &sums.view : &none.view,
                       .mode = PoolUpdate::dense,
                       .step = schedule.step(s),
                       .history = {}});
      if (is_touched) {
        pool_update(ex, {.state = &exact.state,
                         .sums = &sums.view,
                         .mode = PoolUpdate::exact,
                         .step = schedule.step(s),
                         .history = schedule.history()});
      }
    }
  });
  for (std::size_t i = 0; i < exact.weights.size(); ++i) {
    const auto want = static_cast<double>(dense.weights[i]);
    EXPECT_GT(std::abs(want), 0.1);
    EXPECT_NEAR(static_cast<double>(exact.weights[i]), want, 16 * ulp_of(want));
  }
}

TEST(PoolExact, TouchedInEveryStepItIsDenseBitForBit) {
  const Schedule schedule(50, 10, 1e-2, 0.1);
  TestPool dense(5, 33, Storage::f32, PoolUpdate::dense),
      exact(5, 33, Storage::f32, PoolUpdate::exact);
  with_exec(2, [&](Exec& ex) {
    for (std::int64_t s = 1; s <= 40; ++s) {
      const TestSums sums(5, 33, {3, 0, 1, 4, 2},
                          gradients(5 * 33, 1e-3, static_cast<std::uint64_t>(s)));
      pool_update(ex, {.state = &dense.state,
                       .sums = &sums.view,
                       .mode = PoolUpdate::dense,
                       .step = schedule.step(s),
                       .history = {}});
      pool_update(ex, {.state = &exact.state,
                       .sums = &sums.view,
                       .mode = PoolUpdate::exact,
                       .step = schedule.step(s),
                       .history = schedule.history()});
    }
  });
  EXPECT_EQ(dense.weights, exact.weights);
  EXPECT_EQ(dense.m, exact.m);
  EXPECT_EQ(dense.v, exact.v);
}

/// The tensors of a lagging pool in an OpCheck: rows 0 .. R-1, each last updated in its own step.
struct Lagging {
  static constexpr std::int64_t rows = 12, to = 900;
  std::int64_t width;
  OpCheck check{"pool_catch_up"};
  Schedule schedule{1000, 20, 1e-3, 0.1};
  OpCheck::Slot values, master, m, v, last, reads;
  Storage storage;

  Lagging(std::int64_t w, Storage s) : width(w), storage(s) {
    const Shape shape{rows, width};
    values = check.inout("values", s == Storage::f32 ? DType::f32 : DType::bf16, shape, -1, 1);
    master = check.inout("master", DType::f32, shape, -1, 1);
    m = check.inout("m", DType::f32, shape, -1e-3, 1e-3);
    v = check.inout("v", DType::f32, shape, 1e-7, 1e-5);
    last = check.inout(
        "last", {rows},
        std::vector<std::int32_t>{900, 899, 890, 880, 700, 2, 901, 895, 884, 500, 300, 1});
    reads = check.in("rows", {3, 5},
                     std::vector<std::int32_t>{1, 2, 1, 0, 5, 6, 2, 1, 9, 9, 0, 8, 5, 5, 1});
  }
  PoolState state() {
    PoolState s{.values = check.mut(values),
                .m = check.mut(m),
                .v = check.mut(v),
                .last = check.mut(last),
                .seed = 9,
                .global_width = width};
    if (storage == Storage::master) s.master = check.mut(master);
    return s;
  }
};

class PoolCatchUpTest : public testing::TestWithParam<std::tuple<std::int64_t, Storage>> {};

TEST_P(PoolCatchUpTest, ReplaysReadRowsOnceAndLeavesOthersAlone) {
  const auto [width, storage] = GetParam();
  Lagging p(width, storage);
  p.check.run([&](Exec& ex) {
    PoolState state = p.state();
    pool_catch_up(ex, {.state = &state,
                       .rows = p.check.get(p.reads),
                       .history = p.schedule.history(),
                       .to = Lagging::to});
  });
  Values last = p.check.initial(p.last);
  const auto weights = storage == Storage::master ? p.master : p.values;
  Values w = p.check.initial(weights), m = p.check.initial(p.m), v = p.check.initial(p.v);
  for (const int row : {1, 2, 5, 8, 9}) {  // read and lagging
    for (std::int64_t c = 0; c < width; ++c) {
      const std::size_t i = size_of(row * width + c);
      for (auto s = static_cast<std::int64_t>(last[size_of(std::int64_t{row})]) + 1;
           s <= Lagging::to; ++s) {
        const auto t = static_cast<double>(s);
        const double lr = p.schedule.lr[size_of(s)];
        w[i] *= 1 - lr * 0.1;
        m[i] *= 0.9;
        v[i] *= 0.95;
        w[i] -= lr * (m[i] / (1 - std::pow(0.9, t))) /
                (std::sqrt(v[i] / (1 - std::pow(0.95, t))) + 1e-8);
      }
    }
    last[size_of(std::int64_t{row})] = Lagging::to;
  }
  EXPECT_EQ(p.check.result(p.last), last);
  if (storage == Storage::stochastic) {
    p.check.expect(p.values, w, {.relative = 2 * unit_roundoff(DType::bf16), .absolute = 1e-6});
  } else {
    p.check.expect(weights, w, tolerance(DType::f32, 40));
  }
  p.check.expect(p.m, m, {.relative = 1e-4, .absolute = 1e-37});
  p.check.expect(p.v, v, {.relative = 1e-4, .absolute = 1e-37});
}

TEST_P(PoolCatchUpTest, PatchGivesWhatCatchingUpWouldAndChangesNothing) {
  const auto [width, storage] = GetParam();
  Lagging p(width, storage), after(width, storage);
  const auto patch = p.check.inout("patch", {7, width}, std::vector<float>(size_of(7 * width), 77));
  const auto of_read = p.check.out("patch_of_read", DType::i32, {3, 5});
  std::int64_t count = 0;
  p.check.run([&](Exec& ex) {
    const PoolState state = p.state();
    count = pool_patch(ex, {.state = &state,
                            .rows = p.check.get(p.reads),
                            .history = p.schedule.history(),
                            .to = Lagging::to,
                            .patch = p.check.mut(patch),
                            .patch_of_read = p.check.mut(of_read)});
  });
  after.check.run([&](Exec& ex) {
    PoolState state = after.state();
    pool_catch_up(ex, {.state = &state,
                       .rows = after.check.get(after.reads),
                       .history = after.schedule.history(),
                       .to = Lagging::to});
  });
  EXPECT_EQ(count, 5);
  for (const auto& slot : {p.values, p.master, p.m, p.v, p.last})
    EXPECT_EQ(p.check.result(slot), p.check.initial(slot));
  const Values want_index = {0, 1, 0, -1, 2, -1, 1, 0, 4, 4, -1, 3, 2, 2, 0};
  EXPECT_EQ(p.check.result(of_read), want_index);
  const Values copies = p.check.result(patch), caught_up = after.check.result(after.values);
  const int row_of[] = {1, 2, 5, 8, 9};
  for (std::size_t i = 0; i < 5 * size_of(width); ++i) {
    EXPECT_EQ(copies[i],
              caught_up[size_of(row_of[i / size_of(width)] * width) + i % size_of(width)]);
  }
  for (std::size_t i = 5 * size_of(width); i < copies.size(); ++i) EXPECT_EQ(copies[i], 77);
}

INSTANTIATE_TEST_SUITE_P(
    Storages,
    PoolCatchUpTest,
    testing::Combine(testing::Values(1, 5, 33, 768),
                     testing::Values(Storage::f32, Storage::master, Storage::stochastic)));

TEST(PoolCatchUp, InPiecesDiffersByRoundingOnly) {
  const Schedule schedule(1000, 20, 1e-3, 0);
  const auto go = [&](const std::vector<std::int64_t>& stops) {
    TestPool pool(4, 100, Storage::f32, PoolUpdate::exact);
    const TestSums sums(4, 100, {0, 1, 2, 3}, gradients(400, 1e-4, 1));
    const std::vector<std::int32_t> all = {0, 1, 2, 3};
    with_exec(2, [&](Exec& ex) {
      pool_update(ex, {.state = &pool.state,
                       .sums = &sums.view,
                       .mode = PoolUpdate::exact,
                       .step = schedule.step(30),
                       .history = schedule.history()});
      for (const std::int64_t to : stops)
        pool_catch_up(ex, {.state = &pool.state,
                           .rows = view_of(std::span(all), {4}),
                           .history = schedule.history(),
                           .to = to});
    });
    return pool.weights;
  };
  const auto once = go({800}), pieces = go({31, 32, 40, 57, 90, 91, 300, 800}),
             twice = go({800, 800, 700});
  EXPECT_EQ(once, twice);
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(once[i]), static_cast<double>(pieces[i]),
                2 * ulp_of(static_cast<double>(once[i])) + 40 * 0x1p-24 * 0.04);
  }
}

TEST(PoolCatchUp, EveryCutOfTheColumnsGivesTheSameBits) {
  Lagging whole(37, Storage::f32), part(20, Storage::f32);
  const auto catch_up = [](std::vector<float>& w, std::vector<float> m, std::vector<float> v,
                           std::int64_t width) {
    const Schedule schedule(1000, 20, 1e-3, 0.1);
    std::vector<std::int32_t> last = {100};
    const std::vector<std::int32_t> rows = {0};
    PoolState state{.values = view_of(std::span(w), {1, width}),
                    .m = view_of(std::span(m), {1, width}),
                    .v = view_of(std::span(v), {1, width}),
                    .last = view_of(std::span(last), {1})};
    with_exec(1, [&](Exec& ex) {
      pool_catch_up(ex, {.state = &state,
                         .rows = view_of(std::span(rows), {1}),
                         .history = schedule.history(),
                         .to = 700});
    });
  };
  const std::int64_t width = 61;
  std::vector<float> w = gradients(size_of(width), 0.1, 1), m = gradients(size_of(width), 1e-4, 2),
                     v = gradients(size_of(width), 1e-4, 3);
  for (float& x : v) x *= x;
  std::vector<float> all = w;
  catch_up(all, m, v, width);
  for (const std::int64_t ranks : {2, 3, 4}) {
    for (std::int64_t r = 0; r < ranks; ++r) {
      const Range cut = block_of(width, r, ranks);
      const auto take = [&](const std::vector<float>& x) {
        return std::vector<float>(x.begin() + cut.first, x.begin() + cut.last);
      };
      std::vector<float> mine = take(w);
      catch_up(mine, take(m), take(v), cut.count());
      EXPECT_EQ(mine, take(all));
    }
  }
}

TEST(PoolPatchErrors, RefusesMoreRowsThanThereIsRoomFor) {
  TestPool pool(6, 4, Storage::f32, PoolUpdate::exact);
  const Schedule schedule(9, 1, 0.1, 0);
  const std::vector<std::int32_t> rows = {0, 1, 2, 3};
  std::vector<float> patch(8);
  std::vector<std::int32_t> of_read(4);
  with_exec(1, [&](Exec& ex) {
    try {
      pool_patch(ex, {.state = &pool.state,
                      .rows = view_of(std::span(rows), {4, 1}),
                      .history = schedule.history(),
                      .to = 5,
                      .patch = view_of(std::span(patch), {2, 4}),
                      .patch_of_read = view_of(std::span(of_read), {4, 1})});
      FAIL();
    } catch (const Error& e) {
      EXPECT_STREQ(e.what(), "pool_patch: 4 rows lag behind, but there is room for 2 only");
    }
  });
}

}  // namespace
}  // namespace mneme::test
