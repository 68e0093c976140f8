#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <tuple>
#include <vector>

#include "base/math.h"
#include "support/gradient_check.h"

namespace mneme::test {

/// Whole numbers in [-most, most] as floats: products and sums of a few are exact in f32, in any
/// order, and tie often.
inline std::vector<float> whole_numbers(std::int64_t n, int most, std::uint64_t seed) {
  const Philox random(seed, "test/whole");
  std::vector<float> all(size_of(n));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<float>(std::floor(random.uniform(0, i) * (2 * most + 1)) - most);
  }
  return all;
}

/// scale * q[t,h] . keys[h,i] for all i, in double.
inline Values plain_scores(const Values& q,
                           const Values& keys,
                           std::size_t query,
                           std::size_t head,
                           std::size_t count,
                           std::size_t width,
                           double scale) {
  Values scores(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < width; ++c) {
      scores[i] += q[query * width + c] * keys[(head * count + i) * width + c];
    }
    scores[i] *= scale;
  }
  return scores;
}

/// Indices by descending score, then lower index; NaN last.
inline std::vector<std::size_t> ranking(const Values& scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (std::isnan(scores[a]) || std::isnan(scores[b]))
      return std::isnan(scores[b]) && !std::isnan(scores[a]);
    return scores[a] > scores[b];
  });
  return order;
}

struct Found {
  std::vector<std::int64_t> rows;
  Values scores;
};

/// The k best of all N*N sums, by descending sum, then lower rank in half 1, then in half 2: every
/// pair is looked at, nothing is pruned.
inline Found brute_force_pairs(const Values& s1, const Values& s2, std::size_t k) {
  const auto by1 = ranking(s1), by2 = ranking(s2);
  std::vector<std::tuple<double, std::size_t, std::size_t>> all;
  for (std::size_t p = 0; p < by1.size(); ++p) {
    for (std::size_t r = 0; r < by2.size(); ++r) all.emplace_back(-(s1[by1[p]] + s2[by2[r]]), p, r);
  }
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
  Found found;
  for (std::size_t j = 0; j < k; ++j) {
    const auto& [sum, p, r] = all[j];
    found.rows.push_back(static_cast<std::int64_t>(by1[p] * s2.size() + by2[r]));
    found.scores.push_back(-sum);
  }
  return found;
}

}  // namespace mneme::test
