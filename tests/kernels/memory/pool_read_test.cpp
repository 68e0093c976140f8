#include "kernels/memory/pool_read.h"

#include <cmath>
#include <cstring>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "base/math.h"
#include "support/gradient_check.h"
#include "support/op_check.h"

namespace mneme::test {
namespace {

constexpr std::int64_t pool_rows = 50;

std::size_t at(double index) {
  return static_cast<std::size_t>(index);
}

Values plain_read(const Values& values,
                  const Values& rows,
                  const Values& weights,
                  std::int64_t n,
                  std::int64_t w) {
  const std::size_t width = size_of(w);
  const std::size_t reads = n == 0 ? 0 : rows.size() / size_of(n);
  Values out(size_of(n) * width);
  for (std::size_t t = 0; t < size_of(n); ++t) {
    for (std::size_t j = t * reads; j < (t + 1) * reads; ++j) {
      for (std::size_t c = 0; c < width; ++c) {
        out[t * width + c] += weights[j] * values[at(rows[j]) * width + c];
      }
    }
  }
  return out;
}

class PoolRead
    : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t, std::int64_t, DType>> {};

TEST_P(PoolRead, ForwardAgreesWithPlainLoop) {
  const auto [n, j, w, type] = GetParam();
  OpCheck check("pool_read_forward");
  const auto values = check.in("values", type, {pool_rows, w}, -2, 2);
  const auto rows = check.in("rows", DType::i32, {n, j}, 0, pool_rows);
  const auto weights = check.in("weights", DType::f32, {n, j}, -1, 1);
  const auto out = check.out("out", DType::f32, {n, w});
  check.run([&](Exec& ex) {
    pool_read_forward(ex, {.values = check.get(values),
                           .rows = check.get(rows),
                           .weights = check.get(weights),
                           .out = check.mut(out)});
  });
  check.expect(out,
               plain_read(check.initial(values), check.initial(rows), check.initial(weights), n, w),
               tolerance(DType::f32, j, 2));
}

TEST_P(PoolRead, BackwardAgreesWithPlainLoop) {
  const auto [n, j, w, type] = GetParam();
  OpCheck check("pool_read_backward");
  const auto dout = check.in("dout", DType::f32, {n, w}, -1, 1);
  const auto values = check.in("values", type, {pool_rows, w}, -2, 2);
  const auto rows = check.in("rows", DType::i32, {n, j}, 0, pool_rows);
  const auto dweights = check.out("dweights", DType::f32, {n, j});
  check.run([&](Exec& ex) {
    pool_read_backward(ex, {.dout = check.get(dout),
                            .values = check.get(values),
                            .rows = check.get(rows),
                            .dweights = check.mut(dweights)});
  });
  const Values d = check.initial(dout), v = check.initial(values), r = check.initial(rows);
  Values wanted(size_of(n * j));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    for (std::size_t c = 0; c < size_of(w); ++c) {
      wanted[i] += d[i / size_of(j) * size_of(w) + c] * v[at(r[i]) * size_of(w) + c];
    }
  }
  check.expect(dweights, wanted, tolerance(DType::f32, w, 2));
}

// METHOD's regression 10: widths that are no powers of two, 768 and 1536 among them.
INSTANTIATE_TEST_SUITE_P(AnyWidth,
                         PoolRead,
                         testing::Combine(testing::Values(0, 1, 3, 40),
                                          testing::Values(1, 16, 33),
                                          testing::Values(1, 5, 33, 128, 768, 1536),
                                          testing::Values(DType::f32, DType::bf16)));

TEST(PoolRead, BackwardIsTheDerivativeAlongADirection) {
  const std::int64_t n = 7, j = 12, w = 37;
  OpCheck check("pool_read_backward");
  const auto dout = check.in("dout", DType::f32, {n, w}, -1, 1);
  const auto values = check.in("values", DType::f32, {pool_rows, w}, -2, 2);
  const auto rows = check.in("rows", DType::i32, {n, j}, 0, pool_rows);
  const auto dweights = check.out("dweights", DType::f32, {n, j});
  check.run([&](Exec& ex) {
    pool_read_backward(ex, {.dout = check.get(dout),
                            .values = check.get(values),
                            .rows = check.get(rows),
                            .dweights = check.mut(dweights)});
  });
  const Values v = check.initial(values), r = check.initial(rows);
  const auto f = [&](const Values& weights) { return plain_read(v, r, weights, n, w); };
  const Values direction = random_direction(size_of(n * j), 3, "weights");
  const Values start = random_direction(size_of(n * j), 4, "weights");
  check.expect_along(dweights, direction,
                     directional_difference(f, start, direction, check.initial(dout)),
                     tolerance(DType::f32, n * j * w, 2));
}

/// Columns [first, last) of a matrix of floats.
std::vector<float> columns(const std::vector<float>& x, std::int64_t width, Range cut) {
  std::vector<float> part;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto c = static_cast<std::int64_t>(i) % width;
    if (c >= cut.first && c < cut.last) part.push_back(x[i]);
  }
  return part;
}

TEST(PoolRead, EveryCutOfTheColumnsGivesTheSameBits) {
  const std::int64_t n = 9, j = 24;
  for (const std::int64_t w : {5, 33, 96, 768, 1536}) {
    std::vector<float> values, weights;
    std::vector<std::int32_t> rows;
    const Philox random(1, "test/columns");
    for (std::int64_t i = 0; i < pool_rows * w; ++i) {
      values.push_back(static_cast<float>(random.normal(0, static_cast<std::uint64_t>(i))));
    }
    for (std::int64_t i = 0; i < n * j; ++i) {
      rows.push_back(
          static_cast<std::int32_t>(random.uniform(1, static_cast<std::uint64_t>(i)) * pool_rows));
      weights.push_back(static_cast<float>(random.uniform(2, static_cast<std::uint64_t>(i))));
    }
    const auto read = [&](const std::vector<float>& v, std::int64_t width) {
      std::vector<float> out(size_of(n * width));
      Arena scratch("scratch", 0, cpu_device);
      Exec ex{cpu_device, scratch, 2};
      pool_read_forward(ex,
                        {.values = view_of<float>(std::span<const float>(v), {pool_rows, width}),
                         .rows = view_of<std::int32_t>(std::span<const std::int32_t>(rows), {n, j}),
                         .weights = view_of<float>(std::span<const float>(weights), {n, j}),
                         .out = view_of<float>(std::span<float>(out), {n, width})});
      return out;
    };
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      const std::vector<float> whole = read(values, w);
      for (const std::int64_t ranks : {1, 2, 3, 4}) {
        for (std::int64_t m = 0; m < ranks; ++m) {
          const Range cut = block_of(w, m, ranks);
          const std::vector<float> part = read(columns(values, w, cut), cut.count());
          const std::vector<float> wanted = columns(whole, w, cut);
          EXPECT_EQ(std::memcmp(part.data(), wanted.data(), part.size() * sizeof(float)), 0)
              << hwy::TargetName(target) << ", width " << w << ", part " << m << " of " << ranks;
        }
      }
    }
    hwy::SetSupportedTargetsForTest(0);
  }
}

TEST(PoolRead, PatchedReadsComeFromThePatch) {
  const std::int64_t n = 5, j = 9, w = 20;
  OpCheck check("pool_read_forward");
  const auto values = check.in("values", DType::bf16, {pool_rows, w}, -2, 2);
  const auto rows = check.in("rows", DType::i32, {n, j}, 0, pool_rows);
  const auto weights = check.in("weights", DType::f32, {n, j}, -1, 1);
  const auto patch = check.in("patch", DType::f32, {4, w}, -2, 2);
  const auto patch_of_read = check.in("patch_of_read", DType::i32, {n, j}, -1, 4);
  const auto out = check.out("out", DType::f32, {n, w});
  check.run([&](Exec& ex) {
    pool_read_forward(ex, {.values = check.get(values),
                           .rows = check.get(rows),
                           .weights = check.get(weights),
                           .out = check.mut(out),
                           .patch = check.get(patch),
                           .patch_of_read = check.get(patch_of_read)});
  });
  Values all = check.initial(values), r = check.initial(rows);
  const Values p = check.initial(patch), of = check.initial(patch_of_read);
  all.insert(all.end(), p.begin(), p.end());
  for (std::size_t i = 0; i < r.size(); ++i) {
    if (of[i] >= 0) r[i] = static_cast<double>(pool_rows) + of[i];
  }
  check.expect(out, plain_read(all, r, check.initial(weights), n, w), tolerance(DType::f32, j, 2));
}

TEST(PoolRead, RefusesRowsOfAnotherType) {
  OpCheck check("pool_read_forward");
  const auto values = check.in("values", DType::f32, {4, 4}, 0, 1);
  const auto rows = check.in("rows", DType::f32, {2, 3}, 0, 1);
  const auto out = check.out("out", DType::f32, {2, 4});
  Arena scratch("scratch", 0, cpu_device);
  Exec ex{cpu_device, scratch, 1};
  try {
    pool_read_forward(ex, {.values = check.get(values),
                           .rows = check.get(rows),
                           .weights = check.get(rows),
                           .out = check.mut(out)});
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "pool_read_forward: rows is f32 (2, 3), wanted i32 (2, 3)");
  }
}

}  // namespace
}  // namespace mneme::test
