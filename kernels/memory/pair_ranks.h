#pragma once

#include <cstdint>

namespace mneme::cpu {

/// Pairs of ranks (p, r), from 0, that can be among the k best sums of two descending lists: those
/// with (p+1)*(r+1) <= k. With ties broken by lower p, then lower r, every other pair has k better
/// ones, even under rounding, since rounded sums are still monotone in each half.
constexpr std::int64_t pairs_of_rank(std::int64_t p, std::int64_t k) {
  return k / (p + 1);
}

/// How many there are: 119 for k = 32.
constexpr std::int64_t pair_count(std::int64_t k) {
  std::int64_t n = 0;
  for (std::int64_t p = 0; p < k; ++p) n += pairs_of_rank(p, k);
  return n;
}

}  // namespace mneme::cpu
