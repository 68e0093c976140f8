#include "kernels/memory/pk_lookup.h"

#include <limits>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/memory/lookup_oracle.h"

#include "support/gradient_check.h"
#include "support/op_check.h"

namespace mneme::test {
namespace {

struct Sizes {
  std::int64_t t, h, n, e, k;
};

struct Lookup {
  Sizes s;
  OpCheck check{"pk_lookup_forward"};
  OpCheck::Slot q1, q2, keys1, keys2, rows, scores;
  float scale = 1;

  Lookup(const Sizes& sizes, int most) : s(sizes) {
    const auto input = [&](const char* name, const Shape& shape, std::uint64_t seed) {
      return most > 0 ? check.in(name, shape, whole_numbers(shape.count(), most, seed))
                      : check.in(name, DType::f32, shape, -1, 1);
    };
    q1 = input("q1", {s.t, s.h, s.e}, 1);
    q2 = input("q2", {s.t, s.h, s.e}, 2);
    keys1 = input("keys1", {s.h, s.n, s.e}, 3);
    keys2 = input("keys2", {s.h, s.n, s.e}, 4);
    rows = check.out("rows", DType::i32, {s.t, s.h, s.k});
    scores = check.out("scores", DType::f32, {s.t, s.h, s.k});
  }
  void run() {
    check.run([&](Exec& ex) {
      pk_lookup_forward(ex, {.q1 = check.get(q1),
                             .q2 = check.get(q2),
                             .keys1 = check.get(keys1),
                             .keys2 = check.get(keys2),
                             .scale = scale,
                             .rows = check.mut(rows),
                             .scores = check.mut(scores)});
    });
  }
  Values half(OpCheck::Slot q, OpCheck::Slot keys, std::size_t query) const {
    return plain_scores(check.initial(q), check.initial(keys), query, query % size_of(s.h),
                        size_of(s.n), size_of(s.e), static_cast<double>(scale));
  }
};

class PkLookup : public testing::TestWithParam<Sizes> {};

/// Whole numbers leave nothing to rounding, and give ties in each half and between sums.
TEST_P(PkLookup, ProductTopKIsBruteForceOverAllPairsWithTies) {
  const Sizes s = GetParam();
  Lookup l(s, 2);
  l.scale = 0.5F;
  l.run();
  Values want_rows, want_scores;
  std::size_t ties = 0;
  for (std::size_t query = 0; query < size_of(s.t * s.h); ++query) {
    const Found f =
        brute_force_pairs(l.half(l.q1, l.keys1, query), l.half(l.q2, l.keys2, query), size_of(s.k));
    want_rows.insert(want_rows.end(), f.rows.begin(), f.rows.end());
    want_scores.insert(want_scores.end(), f.scores.begin(), f.scores.end());
    ties += f.scores.size() - std::set<double>(f.scores.begin(), f.scores.end()).size();
  }
  l.check.expect(l.rows, want_rows, {});
  l.check.expect(l.scores, want_scores, {});
  if (s.t * s.k > 100) {
    EXPECT_GT(ties, 0U) << "no ties were planted";
  }
}

/// With real numbers the chosen rows are a best set within rounding, in descending order.
TEST_P(PkLookup, ScoresAgreeWithPlainLoop) {
  const Sizes s = GetParam();
  Lookup l(s, 0);
  l.scale = 0.3F;
  l.run();
  Values wanted;
  for (std::size_t query = 0; query < size_of(s.t * s.h); ++query) {
    const Values s1 = l.half(l.q1, l.keys1, query), s2 = l.half(l.q2, l.keys2, query);
    const Found f = brute_force_pairs(s1, s2, size_of(s.k));
    wanted.insert(wanted.end(), f.scores.begin(), f.scores.end());
    const Values rows = l.check.result(l.rows), scores = l.check.result(l.scores);
    std::set<double> distinct;
    for (std::size_t j = query * size_of(s.k); j < (query + 1) * size_of(s.k); ++j) {
      const auto row = static_cast<std::size_t>(rows[j]);
      EXPECT_NEAR(scores[j], s1[row / size_of(s.n)] + s2[row % size_of(s.n)],
                  1e-6 * static_cast<double>(s.e));
      distinct.insert(rows[j]);
    }
    EXPECT_EQ(distinct.size(), size_of(s.k));
  }
  l.check.expect(l.scores, wanted, tolerance(DType::f32, s.e));
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         PkLookup,
                         testing::Values(Sizes{0, 2, 4, 3, 2},       //
                                         Sizes{1, 1, 1, 1, 1},       //
                                         Sizes{3, 2, 5, 7, 5},       // k = N
                                         Sizes{37, 3, 33, 17, 9},    //
                                         Sizes{70, 4, 128, 32, 16},  //
                                         Sizes{5, 2, 256, 40, 32},   //
                                         Sizes{2, 1, 130, 5, 100},   // k beyond a vector of groups
                                         Sizes{3, 1, 1030, 24, 32}));

TEST(PkLookupTies, AllScoresEqualGiveTheLowestRanks) {
  const std::int64_t n = 70, k = 8;
  OpCheck check("pk_lookup_forward");
  const auto q = check.in("q", {1, 1, 2}, std::vector<float>{0, 0});
  const auto keys = check.in("keys", DType::f32, {1, n, 2}, -1, 1);  // signed zeros are equal
  const auto rows = check.out("rows", DType::i32, {1, 1, k});
  const auto scores = check.out("scores", DType::f32, {1, 1, k});
  check.run([&](Exec& ex) {
    pk_lookup_forward(ex, {.q1 = check.get(q),
                           .q2 = check.get(q),
                           .keys1 = check.get(keys),
                           .keys2 = check.get(keys),
                           .rows = check.mut(rows),
                           .scores = check.mut(scores)});
  });
  check.expect(rows, {0, 1, 2, 3, 4, 5, 6, 7}, {});  // the first in half 1 with each of half 2
  check.expect(scores, Values(8), {});
}

TEST(PkLookupNan, IsOrderedLastAndHarmless) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  const std::int64_t n = 6, k = 4;
  OpCheck check("pk_lookup_forward");
  const auto q1 = check.in("q1", {1, 1, 1}, std::vector<float>{1});
  const auto q2 = check.in("q2", {1, 1, 1}, std::vector<float>{nan});
  const auto keys = check.in("keys", {1, n, 1}, std::vector<float>{nan, 1, -infinite, nan, 3, -2});
  const auto rows = check.out("rows", DType::i32, {1, 1, k});
  const auto scores = check.out("scores", DType::f32, {1, 1, k});
  check.run([&](Exec& ex) {
    pk_lookup_forward(ex, {.q1 = check.get(q1),
                           .q2 = check.get(q1),
                           .keys1 = check.get(keys),
                           .keys2 = check.get(keys),
                           .rows = check.mut(rows),
                           .scores = check.mut(scores)});
  });
  // A half by rank: 4 (3), 1 (1), 5 (-2), 2 (-inf).
  check.expect(rows, {28, 25, 10, 7}, {});
  check.expect(scores, {6, 4, 4, 2}, {});
  check.run([&](Exec& ex) {
    pk_lookup_forward(ex, {.q1 = check.get(q1),
                           .q2 = check.get(q2),
                           .keys1 = check.get(keys),
                           .keys2 = check.get(keys),
                           .rows = check.mut(rows),
                           .scores = check.mut(scores)});
  });
  check.expect(rows, {24, 25, 26, 27}, {});  // all sums are NaN: by rank; all of half 2 too
  check.expect(scores, Values(4, static_cast<double>(nan)), {});
}

class LookupBackward : public testing::TestWithParam<Sizes> {};

/// ds of one head and half as a plain function of (q, keys): sum_j ds_j * score_j.
Values plain_weighted_scores(const Values& ds,
                             const Values& rows,
                             const Values& q,
                             const Values& keys,
                             const Sizes& s,
                             std::int64_t divisor,
                             double scale) {
  Values sum(1);
  for (std::size_t i = 0; i < ds.size(); ++i) {
    const std::size_t query = i / size_of(s.k);
    const std::size_t key = size_of(static_cast<std::int64_t>(rows[i]) / divisor % s.n);
    for (std::size_t c = 0; c < size_of(s.e); ++c) {
      sum[0] += scale * ds[i] * q[query * size_of(s.e) + c] *
                keys[(query % size_of(s.h) * size_of(s.n) + key) * size_of(s.e) + c];
    }
  }
  return sum;
}

struct Grads {
  Values dq, dkeys;
};
Grads plain_grads(const Values& ds,
                  const Values& rows,
                  const Values& q,
                  const Values& keys,
                  Values dkeys,
                  const Sizes& s,
                  std::int64_t divisor,
                  double scale) {
  Grads g{Values(q.size()), std::move(dkeys)};
  for (std::size_t i = 0; i < ds.size(); ++i) {
    const std::size_t query = i / size_of(s.k) * size_of(s.e);
    const std::size_t head = i / size_of(s.k) % size_of(s.h);
    const std::size_t key =
        (head * size_of(s.n) + size_of(static_cast<std::int64_t>(rows[i]) / divisor % s.n)) *
        size_of(s.e);
    for (std::size_t c = 0; c < size_of(s.e); ++c) {
      g.dq[query + c] += scale * ds[i] * keys[key + c];
      g.dkeys[key + c] += scale * ds[i] * q[query + c];
    }
  }
  return g;
}

TEST_P(LookupBackward, ProductAgreesWithPlainLoopAndDifferences) {
  const Sizes s = GetParam();
  const Shape query{s.t, s.h, s.e}, key{s.h, s.n, s.e}, slots{s.t, s.h, s.k};
  OpCheck check("pk_lookup_backward");
  const auto ds = check.in("dscores", DType::f32, slots, -1, 1);
  const auto rows = check.in("rows", DType::i32, slots, 0, static_cast<double>(s.n * s.n));
  const OpCheck::Slot q[] = {check.in("q1", DType::f32, query, -1, 1),
                             check.in("q2", DType::f32, query, -1, 1)};
  const OpCheck::Slot keys[] = {check.in("keys1", DType::f32, key, -1, 1),
                                check.in("keys2", DType::f32, key, -1, 1)};
  const OpCheck::Slot dq[] = {check.out("dq1", DType::f32, query),
                              check.out("dq2", DType::f32, query)};
  const OpCheck::Slot dkeys[] = {check.inout("dkeys1", DType::f32, key, -1, 1),
                                 check.inout("dkeys2", DType::f32, key, -1, 1)};
  const float scale = 0.5F;
  check.run([&](Exec& ex) {
    pk_lookup_backward(ex, {.dscores = check.get(ds),
                            .rows = check.get(rows),
                            .q1 = check.get(q[0]),
                            .q2 = check.get(q[1]),
                            .keys1 = check.get(keys[0]),
                            .keys2 = check.get(keys[1]),
                            .scale = scale,
                            .dq1 = check.mut(dq[0]),
                            .dq2 = check.mut(dq[1]),
                            .dkeys1 = check.mut(dkeys[0]),
                            .dkeys2 = check.mut(dkeys[1])});
  });
  for (int half = 0; half < 2; ++half) {
    const std::int64_t divisor = half == 0 ? s.n : 1;
    const Values d = check.initial(ds), r = check.initial(rows), x = check.initial(q[half]),
                 k = check.initial(keys[half]);
    const Grads g = plain_grads(d, r, x, k, check.initial(dkeys[half]), s, divisor, 0.5);
    check.expect(dq[half], g.dq, tolerance(DType::f32, s.k));
    check.expect(dkeys[half], g.dkeys, tolerance(DType::f32, s.t * s.k));
    const Values direction = random_direction(x.size(), 5, "q");
    check.expect_along(
        dq[half], direction,
        directional_difference(
            [&](const Values& at) { return plain_weighted_scores(d, r, at, k, s, divisor, 0.5); },
            x, direction, {1}),
        tolerance(DType::f32, s.t * s.h * s.k * s.e));
  }
}

TEST_P(LookupBackward, FlatAgreesWithPlainLoop) {
  const Sizes s = GetParam();
  const Shape query{s.t, s.h, s.e}, key{s.h, s.n, s.e}, slots{s.t, s.h, s.k};
  OpCheck check("flat_lookup_backward");
  const auto ds = check.in("dscores", DType::f32, slots, -1, 1);
  const auto rows = check.in("rows", DType::i32, slots, 0, static_cast<double>(s.n));
  const auto q = check.in("q", DType::f32, query, -1, 1);
  const auto keys = check.in("keys", DType::f32, key, -1, 1);
  const auto dq = check.out("dq", DType::f32, query);
  const auto dkeys = check.inout("dkeys", DType::f32, key, -1, 1);
  check.run([&](Exec& ex) {
    flat_lookup_backward(ex, {.dscores = check.get(ds),
                              .rows = check.get(rows),
                              .q = check.get(q),
                              .keys = check.get(keys),
                              .scale = 2,
                              .dq = check.mut(dq),
                              .dkeys = check.mut(dkeys)});
  });
  const Grads g = plain_grads(check.initial(ds), check.initial(rows), check.initial(q),
                              check.initial(keys), check.initial(dkeys), s, 1, 2);
  check.expect(dq, g.dq, tolerance(DType::f32, s.k, 2));
  check.expect(dkeys, g.dkeys, tolerance(DType::f32, s.t * s.k, 2));
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         LookupBackward,
                         testing::Values(Sizes{0, 2, 4, 3, 2},     //
                                         Sizes{1, 1, 1, 1, 1},     //
                                         Sizes{37, 3, 33, 17, 9},  //
                                         Sizes{70, 4, 128, 32, 16},
                                         Sizes{9, 1, 20, 192, 20}));

TEST(FlatLookup, TakesTheBestKeysWithTies) {
  for (const Sizes& s : {Sizes{20, 2, 90, 5, 7}, Sizes{3, 1, 1500, 3, 40}, Sizes{4, 2, 3, 20, 3}}) {
    OpCheck check("flat_lookup_forward");
    const auto q = check.in("q", {s.t, s.h, s.e}, whole_numbers(s.t * s.h * s.e, 2, 1));
    const auto keys = check.in("keys", {s.h, s.n, s.e}, whole_numbers(s.h * s.n * s.e, 2, 2));
    const auto rows = check.out("rows", DType::i32, {s.t, s.h, s.k});
    const auto scores = check.out("scores", DType::f32, {s.t, s.h, s.k});
    check.run([&](Exec& ex) {
      flat_lookup_forward(ex, {.q = check.get(q),
                               .keys = check.get(keys),
                               .scale = 0.25F,
                               .rows = check.mut(rows),
                               .scores = check.mut(scores)});
    });
    Values want_rows, want_scores;
    for (std::size_t query = 0; query < size_of(s.t * s.h); ++query) {
      const Values all = plain_scores(check.initial(q), check.initial(keys), query,
                                      query % size_of(s.h), size_of(s.n), size_of(s.e), 0.25);
      const auto order = ranking(all);
      for (std::size_t j = 0; j < size_of(s.k); ++j) {
        want_rows.push_back(static_cast<double>(order[j]));
        want_scores.push_back(all[order[j]]);
      }
    }
    check.expect(rows, want_rows, {});
    check.expect(scores, want_scores, {});
  }
}

Values plain_softmax(const Values& x, std::size_t k) {
  Values w(x.size());
  for (std::size_t i = 0; i < x.size(); i += k) {
    double sum = 0;
    for (std::size_t j = i; j < i + k; ++j) sum += w[j] = std::exp(x[j]);
    for (std::size_t j = i; j < i + k; ++j) w[j] /= sum;
  }
  return w;
}

TEST(SlotSoftmax, ForwardAndBackwardAgreeWithPlainLoop) {
  for (const std::int64_t k : {1, 5, 16, 32, 33, 100}) {
    const Shape slots{50, 3, k};
    OpCheck check("slot_softmax");
    const auto scores = check.in("scores", DType::f32, slots, -20, 20);
    const auto weights = check.out("weights", DType::f32, slots);
    const auto dweights = check.in("dweights", DType::f32, slots, -1, 1);
    const auto dscores = check.out("dscores", DType::f32, slots);
    check.run([&](Exec& ex) {
      slot_softmax_forward(ex, {.scores = check.get(scores), .weights = check.mut(weights)});
      slot_softmax_backward(ex, {.weights = check.get(weights),
                                 .dweights = check.get(dweights),
                                 .dscores = check.mut(dscores)});
    });
    const Values x = check.initial(scores), dw = check.initial(dweights);
    check.expect(weights, plain_softmax(x, size_of(k)), {.relative = 1e-5});
    const Values direction = random_direction(x.size(), 1, "scores");
    check.expect_along(
        dscores, direction,
        directional_difference([&](const Values& at) { return plain_softmax(at, size_of(k)); }, x,
                               direction, dw),
        tolerance(DType::f32, 50 * 3 * k));
  }
}

TEST(SlotSoftmax, WorksInPlaceAndAtTheEndsOfTheRange) {
  const float infinite = std::numeric_limits<float>::infinity();
  OpCheck check("slot_softmax");
  const auto scores =
      check.inout("scores", {2, 1, 3}, std::vector<float>{3e38F, 3e38F, -3e38F, 1, -infinite, 1});
  check.run([&](Exec& ex) {
    slot_softmax_forward(ex, {.scores = check.get(scores), .weights = check.mut(scores)});
  });
  check.expect(scores, {0.5, 0.5, 0, 0.5, 0, 0.5}, {.relative = 1e-6});
}

}  // namespace
}  // namespace mneme::test
