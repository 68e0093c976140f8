#include "data/mixture.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/math.h"
#include "data/permutation.h"

namespace mneme {
namespace {

/// period split in proportion to the weights, by largest remainders, ties to the earlier source.
std::vector<std::int64_t> split_period(std::span<const double> weights) {
  for (const double w : weights) {
    require(std::isfinite(w) && w > 0, Fault::user,
            "a source's weight is {}, wanted a positive number; leave a source out instead of "
            "weighting it with 0",
            w);
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> counts;
  std::vector<double> remainders;
  for (const double w : weights) {
    const double exact = static_cast<double>(Mixture::period) * (w / sum);
    counts.push_back(static_cast<std::int64_t>(std::floor(exact)));
    remainders.push_back(exact - std::floor(exact));
  }
  std::int64_t left =
      Mixture::period - std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  for (; left > 0; --left) {
    const auto largest = std::max_element(remainders.begin(), remainders.end());
    ++counts[static_cast<std::size_t>(largest - remainders.begin())];
    *largest = -1;
  }
  return counts;
}

}  // namespace

Mixture::Mixture(std::span<const double> weights, std::uint64_t seed)
    : random_(seed, "data/mixture") {
  require(!weights.empty() && std::ssize(weights) < 4096, Fault::user,
          "{} data sources, wanted 1 to 4,095", weights.size());
  counts_ = split_period(weights);
  for (std::size_t s = 0; s < counts_.size(); ++s) {
    require(counts_[s] > 0, Fault::user,
            "source {} has the weight {}, so small a share of all that it would never be read; the "
            "smallest share is 1 in {}",
            s, weights[s], 2 * period);
  }
  if (counts_.size() == 1) return;
  std::vector<std::int64_t> taken(counts_.size(), 0);
  pattern_.reserve(size_of(period));
  for (std::int64_t j = 0; j < period; ++j) {
    std::size_t next = 0;
    std::int64_t most = INT64_MIN;
    for (std::size_t s = 0; s < counts_.size(); ++s) {
      const std::int64_t lag = counts_[s] * (j + 1) - taken[s] * period;
      if (lag > most) {
        most = lag;
        next = s;
      }
    }
    pattern_.push_back({static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(taken[next])});
    ++taken[next];
  }
}

Mixture::Place Mixture::at(std::int64_t g) const {
  if (counts_.size() == 1) return {0, g};
  const std::int64_t block = g / period;
  const std::int64_t number = g / group;
  const auto within =
      permute(random_, static_cast<std::uint64_t>(number), static_cast<std::uint64_t>(group),
              static_cast<std::uint64_t>(g % group));
  const std::int64_t index = number * group % period + static_cast<std::int64_t>(within);
  const Entry entry = pattern_[size_of(index)];
  return {entry.source, block * counts_[entry.source] + entry.rank};
}

}  // namespace mneme
