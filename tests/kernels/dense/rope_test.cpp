#include "kernels/rope/rope.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "support/op_check.h"

namespace mneme::test {
namespace {

std::vector<double> plain_rope(std::vector<double> x,
                               const Shape& shape,
                               const std::vector<std::int32_t>& positions,
                               std::int64_t rotated,
                               double theta,
                               double sign) {
  const std::size_t heads = size_of(shape[1]), width = size_of(shape[2]);
  for (std::size_t t = 0; t < positions.size(); ++t) {
    for (std::size_t h = 0; h < size_of(rotated); ++h) {
      double* v = x.data() + (t * heads + h) * width;
      for (std::size_t i = 0; i < width / 2; ++i) {
        const double angle =
            sign * positions[t] *
            std::pow(theta, -2 * static_cast<double>(i) / static_cast<double>(width));
        const double low = v[i], high = v[i + width / 2];
        v[i] = low * std::cos(angle) - high * std::sin(angle);
        v[i + width / 2] = high * std::cos(angle) + low * std::sin(angle);
      }
    }
  }
  return x;
}

/// Documents of 100 tokens, then far positions that jump.
std::vector<std::int32_t> some_positions(std::int64_t tokens) {
  std::vector<std::int32_t> all;
  for (std::int32_t t = 0; t < tokens; ++t) all.push_back(t < 250 ? t % 100 : 100000 + 3 * t);
  return all;
}

class RopeTest
    : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t, std::int64_t>> {};

TEST_P(RopeTest, AgreesWithPlainLoopBothWays) {
  const std::int64_t tokens = std::get<0>(GetParam());
  const std::int64_t width = std::get<1>(GetParam());
  const std::int64_t rotated = std::get<2>(GetParam());
  const Shape shape{tokens, 3, width};
  const auto positions = some_positions(tokens);
  for (const bool inverse : {false, true}) {
    OpCheck check("rope");
    const auto x = check.inout("x", DType::f32, shape, -2, 2);
    const auto p = check.in("positions", {tokens}, positions);
    check.run([&](Exec& ex) {
      rope(ex, {.x = check.mut(x),
                .positions = check.get(p),
                .rotated = static_cast<int>(rotated),
                .theta = 10000,
                .inverse = inverse});
    });
    check.expect(x,
                 plain_rope(check.initial(x), shape, positions, rotated, 10000, inverse ? -1 : 1),
                 tolerance(DType::f32, 2, 2));
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         RopeTest,
                         testing::Combine(testing::Values(0, 1, 65, 300),
                                          testing::Values(2, 6, 32, 64),
                                          testing::Values(0, 2, 3)));

/// Backward turns back: forward and inverse together are the identity, up to rounding.
TEST(Rope, InverseUndoes) {
  OpCheck check("rope");
  const auto x = check.inout("x", DType::f32, {200, 2, 16}, -2, 2);
  const auto p = check.in("positions", {200}, some_positions(200));
  check.run([&](Exec& ex) {
    for (const bool inverse : {false, true}) {
      rope(ex, {.x = check.mut(x), .positions = check.get(p), .rotated = 2, .inverse = inverse});
    }
  });
  check.expect(x, check.initial(x), tolerance(DType::f32, 4, 2));
}

}  // namespace
}  // namespace mneme::test
