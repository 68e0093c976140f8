#include "kernels/blas/matmul.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/blas/matmul_backends.h"

#include "support/op_check.h"

namespace mneme::test {
namespace {

struct MatmulCase {
  std::int64_t m, n, k;
  bool transpose_a, transpose_b, accumulate, bias;
};

std::string matmul_case_name(const testing::TestParamInfo<MatmulCase>& info) {
  const MatmulCase& c = info.param;
  return std::to_string(c.m) + "x" + std::to_string(c.n) + "x" + std::to_string(c.k) +
         (c.transpose_a ? "_ta" : "") + (c.transpose_b ? "_tb" : "") +
         (c.accumulate ? "_accumulate" : "") + (c.bias ? "_bias" : "");
}

/// Every transposition, alone, accumulating and with a bias, for small, odd and larger shapes.
std::vector<MatmulCase> matmul_cases() {
  std::vector<MatmulCase> all;
  for (const auto& [m, n, k] : std::vector<std::array<std::int64_t, 3>>{{1, 1, 1},
                                                                        {3, 5, 7},
                                                                        {1, 100, 33},
                                                                        {64, 48, 32},
                                                                        {17, 130, 300},
                                                                        {70, 1, 600},
                                                                        {5, 7, 0},
                                                                        {0, 3, 2},
                                                                        {3, 0, 2}}) {
    for (int bits = 0; bits < 4; ++bits) {
      for (int extra = 0; extra < 3; ++extra) {
        all.push_back({m, n, k, (bits & 1) != 0, (bits & 2) != 0, extra == 1, extra == 2});
      }
    }
  }
  return all;
}

/// Without m, n or k = 0, which no backend gets to see.
std::vector<MatmulCase> products_only(std::vector<MatmulCase> all) {
  std::erase_if(all, [](const MatmulCase& c) { return c.m * c.n * c.k == 0; });
  return all;
}

std::vector<double> plain_product(const MatmulCase& c,
                                  const std::vector<double>& a,
                                  const std::vector<double>& b,
                                  const std::vector<double>& bias,
                                  std::vector<double> out) {
  for (std::int64_t i = 0; i < c.m; ++i) {
    for (std::int64_t j = 0; j < c.n; ++j) {
      double sum = 0;
      for (std::int64_t l = 0; l < c.k; ++l) {
        sum += a[size_of(c.transpose_a ? l * c.m + i : i * c.k + l)] *
               b[size_of(c.transpose_b ? j * c.k + l : l * c.n + j)];
      }
      if (c.bias) sum += bias[size_of(j)];
      double& element = out[size_of(i * c.n + j)];
      element = c.accumulate ? element + sum : sum;
    }
  }
  return out;
}

class MatmulTest : public testing::TestWithParam<MatmulCase> {};
class MatmulBlocked : public testing::TestWithParam<MatmulCase> {};

TEST_P(MatmulTest, AgreesWithPlainLoop) {
  const MatmulCase p = GetParam();
  OpCheck check("matmul");
  const auto a =
      check.in("a", DType::f32, p.transpose_a ? Shape{p.k, p.m} : Shape{p.m, p.k}, -1, 1);
  const auto b =
      check.in("b", DType::f32, p.transpose_b ? Shape{p.n, p.k} : Shape{p.k, p.n}, -1, 1);
  const auto bias = check.in("bias", DType::f32, {p.n}, -1, 1);
  const auto c = check.inout("c", DType::f32, {p.m, p.n}, -1, 1);
  check.run(
      [&](Exec& ex) {
        matmul(ex, {.a = check.get(a),
                    .b = check.get(b),
                    .c = check.mut(c),
                    .transpose_a = p.transpose_a,
                    .transpose_b = p.transpose_b,
                    .accumulate = p.accumulate,
                    .bias = p.bias ? check.get(bias) : ConstView{}});
      },
      OpCheck::Threads::own_bits);
  check.expect(
      c,
      plain_product(p, check.initial(a), check.initial(b), check.initial(bias), check.initial(c)),
      tolerance(DType::f32, p.k));
}

/// The products of builds without oneDNN: right, and the same bits on any number of threads.
TEST_P(MatmulBlocked, AgreesWithPlainLoop) {
  const MatmulCase p = GetParam();
  OpCheck check("matmul_blocked");
  const auto a = check.in("a", DType::f32, {p.m * p.k}, -1, 1);
  const auto b = check.in("b", DType::f32, {p.k * p.n}, -1, 1);
  const auto bias = check.in("bias", DType::f32, {p.n}, -1, 1);
  const auto c = check.inout("c", DType::f32, {p.m, p.n}, -1, 1);
  check.run([&](Exec& ex) {
    cpu::matmul_blocked(ex, {.m = p.m,
                             .n = p.n,
                             .k = p.k,
                             .a = check.get(a).ptr<const float>(),
                             .b = check.get(b).ptr<const float>(),
                             .c = check.mut(c).ptr<float>(),
                             .bias = check.get(bias).ptr<const float>(),
                             .transpose_a = p.transpose_a,
                             .transpose_b = p.transpose_b,
                             .accumulate = p.accumulate,
                             .has_bias = p.bias});
  });
  check.expect(
      c,
      plain_product(p, check.initial(a), check.initial(b), check.initial(bias), check.initial(c)),
      tolerance(DType::f32, p.k));
}

INSTANTIATE_TEST_SUITE_P(Shapes, MatmulTest, testing::ValuesIn(matmul_cases()), matmul_case_name);
INSTANTIATE_TEST_SUITE_P(Shapes,
                         MatmulBlocked,
                         testing::ValuesIn(products_only(matmul_cases())),
                         matmul_case_name);

/// Ranks are threads of one process in tests: each gets its own thread count and result.
TEST(Matmul, SeveralThreadsMayCallAtOnce) {
  constexpr std::int64_t n = 96;
  std::vector<float> one(n * n, 1.0F);
  const ConstView a = view_of(std::span<const float>(one), {n, n});
  std::vector<std::vector<float>> results(4, std::vector<float>(n * n));
  {
    std::vector<std::jthread> ranks;
    for (int rank = 0; rank < 4; ++rank) {
      ranks.emplace_back([&, rank] {
        Arena scratch("scratch", std::size_t{1} << 24, cpu_device);
        Exec ex{cpu_device, scratch, 1 + rank % 2};
        const View c = view_of(std::span<float>(results[static_cast<std::size_t>(rank)]), {n, n});
        for (int i = 0; i < 20; ++i) {
          matmul(ex, {.a = a, .b = a, .c = c, .accumulate = i > 0});
        }
      });
    }
  }
  for (const auto& r : results) EXPECT_EQ(r, std::vector<float>(n * n, 20.0F * n));
}

TEST(Matmul, RefusesShapesThatDoNotFit) {
  OpCheck check("matmul");
  const auto a = check.in("a", DType::f32, {2, 3}, 0, 1);
  const auto b = check.in("b", DType::f32, {2, 4}, 0, 1);
  const auto c = check.out("c", DType::f32, {2, 4});
  Arena scratch("scratch", 0, cpu_device);
  Exec ex{cpu_device, scratch, 1};
  EXPECT_THROW(matmul(ex, {.a = check.get(a), .b = check.get(b), .c = check.mut(c)}), Error);
}

class ColumnSumTest : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};

TEST_P(ColumnSumTest, AgreesWithPlainLoop) {
  const auto [tokens, n] = GetParam();
  OpCheck check("column_sum");
  const auto x = check.in("x", DType::f32, {tokens, n}, -1, 1);
  const auto out = check.inout("out", DType::f32, {n}, -1, 1);
  check.run([&](Exec& ex) { column_sum(ex, {.x = check.get(x), .out = check.mut(out)}); });
  auto wanted = check.initial(out);
  const auto x0 = check.initial(x);
  for (std::size_t i = 0; i < x0.size(); ++i) wanted[i % size_of(n)] += x0[i];
  check.expect(out, wanted, tolerance(DType::f32, tokens));
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         ColumnSumTest,
                         testing::Combine(testing::Values(0, 1, 127, 128, 500),
                                          testing::Values(1, 7, 33, 2100)));

}  // namespace
}  // namespace mneme::test
