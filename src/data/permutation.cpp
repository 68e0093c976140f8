#include "data/permutation.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace mneme {

std::uint64_t permute(const Philox& random,
                      std::uint64_t stream,
                      std::uint64_t n,
                      std::uint64_t i) {
  constexpr std::uint64_t rounds = 6;
  require(i < n && n <= (std::uint64_t{1} << 62U), Fault::bug, "index {} of a permutation of {}", i,
          n);
  const int half = std::max(1, static_cast<int>(std::bit_width(n - 1) + 1) / 2);  // bits
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  do {
    std::uint64_t left = i >> half;
    std::uint64_t right = i & mask;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const std::uint64_t next = left ^ (random.word(stream * 8 + round, right) & mask);
      left = right;
      right = next;
    }
    i = (left << half) | right;
  } while (i >= n);
  return i;
}

}  // namespace mneme
