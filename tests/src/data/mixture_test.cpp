#include "data/mixture.h"

#include <cmath>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "data/permutation.h"
#include "support/expect_error.h"

namespace mneme {
namespace {

TEST(Permutation, IsABijectionForEverySize) {
  const Philox random(1, "p");
  for (const std::uint64_t n : {1U, 2U, 3U, 4U, 5U, 16U, 17U, 31U, 64U, 65U, 1000U, 1025U}) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::uint64_t to = permute(random, 5, n, i);
      ASSERT_LT(to, n);
      seen.insert(to);
    }
    EXPECT_EQ(seen.size(), n);
  }
}

TEST(Permutation, DependsOnKeyAndStreamAndScatters) {
  const std::uint64_t n = 10'000;
  std::int64_t same_key = 0;
  std::int64_t same_stream = 0;
  std::int64_t neighbours = 0;
  for (std::uint64_t i = 0; i + 1 < n; ++i) {
    const std::uint64_t to = permute(Philox(1, "p"), 0, n, i);
    same_key += to == permute(Philox(2, "p"), 0, n, i) ? 1 : 0;
    same_stream += to == permute(Philox(1, "p"), 1, n, i) ? 1 : 0;
    neighbours += permute(Philox(1, "p"), 0, n, i + 1) == to + 1 ? 1 : 0;
  }
  // Each count is about 1 for random permutations (Poisson): 12 or more has a chance of 1e-9.
  EXPECT_LT(same_key, 12);
  EXPECT_LT(same_stream, 12);
  EXPECT_LT(neighbours, 12);
}

TEST(Permutation, IsUniformOverThePlacesOfAnIndex) {
  const std::uint64_t n = 10;
  std::vector<int> count(n, 0);
  const int trials = 20'000;
  for (int t = 0; t < trials; ++t) {
    ++count[permute(Philox(1, "p"), static_cast<std::uint64_t>(t), n, 3)];
  }
  for (const int c : count) EXPECT_NEAR(c, trials / 10, 6 * std::sqrt(trials * 0.09));
}

class Weights : public testing::TestWithParam<std::vector<double>> {};
INSTANTIATE_TEST_SUITE_P(Mixture,
                         Weights,
                         testing::Values(std::vector<double>{1},
                                         std::vector<double>{1, 1},
                                         std::vector<double>{0.5, 0.3, 0.2},
                                         std::vector<double>{100, 1, 1e-2, 7, 7, 7}));

TEST_P(Weights, EveryPrefixIsBalancedAndPositionsComeOnceInEachGroupOrder) {
  const std::vector<double>& weights = GetParam();
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  const Mixture mixture(weights, 42);
  std::vector<std::int64_t> taken(weights.size(), 0);
  std::vector<std::set<std::int64_t>> open(weights.size());  // positions seen beyond the first gap
  for (std::int64_t g = 0; g < 2 * Mixture::period + 1000; ++g) {
    const Mixture::Place place = mixture.at(g);
    const auto s = static_cast<std::size_t>(place.source);
    ++taken[s];
    ASSERT_TRUE(open[s].insert(place.position).second);
    if ((g + 1) % Mixture::group == 0) {  // whole groups take exactly the positions 0 .. taken-1
      ASSERT_EQ(*open[s].rbegin(), taken[s] - 1);
      ASSERT_EQ(std::ssize(open[s]), taken[s]);
    }
    const double share = weights[s] / sum * static_cast<double>(g + 1);
    const double rounding = static_cast<double>(g + 1) / static_cast<double>(Mixture::period);
    ASSERT_NEAR(static_cast<double>(taken[s]), share, Mixture::group / 4.0 + 2 + rounding) << g;
  }
}

TEST(Mixture, DependsOnTheSeed) {
  const std::vector<double> weights = {1, 1};
  const Mixture a(weights, 1);
  const Mixture b(weights, 2);
  int same = 0;
  for (std::int64_t g = 0; g < 1000; ++g) same += a.at(g).source == b.at(g).source ? 1 : 0;
  EXPECT_LT(same, 700);
}

TEST(Mixture, RefusesWeightsThatMeanNothing) {
  for (const double bad : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    expect_error(Fault::user, "wanted a positive number", [&] {
      Mixture(std::vector{1.0, bad}, 1);
    });
  }
  expect_error(Fault::user, "so small a share", [] { Mixture(std::vector{1.0, 1e-9}, 1); });
}

}  // namespace
}  // namespace mneme
