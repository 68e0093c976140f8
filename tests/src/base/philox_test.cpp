#include "base/philox.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace mneme {
namespace {

TEST(Philox, ElementsOfABlockAreItsWords) {
  const Philox random(7, "init/x");
  const auto words = random.words(3, 5);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(random.word(3, 20 + i), words[i]);
}

TEST(Philox, SeedPurposeStepAndElementAllMatter) {
  const std::set<std::uint32_t> distinct = {
      Philox(1, "a").word(0, 0), Philox(2, "a").word(0, 0), Philox(1, "b").word(0, 0),
      Philox(1, "a").word(1, 0), Philox(1, "a").word(0, 1), Philox(1, "a").word(0, 1ULL << 40U)};
  EXPECT_EQ(distinct.size(), 6U);
}

TEST(Philox, NormalsHaveTheMomentsOfANormal) {
  const Philox random(1, "moments");
  const int n = 100'000;
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal(0, static_cast<std::uint64_t>(i));
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  // Five standard errors of each moment of n samples.
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(fourth / n, 3, 5 * std::sqrt(96.0 / n));
}

TEST(Philox, TruncatedNormalsStayInsideTheCut) {
  const Philox random(1, "truncated");
  double largest = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    largest = std::max(largest, std::abs(random.truncated_normal(0, i, 2.0)));
  }
  EXPECT_LE(largest, 2.0);
  EXPECT_GT(largest, 1.95);
}

}  // namespace
}  // namespace mneme
