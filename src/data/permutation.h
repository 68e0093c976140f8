#pragma once

#include <cstdint>

#include "base/philox.h"

namespace mneme {

/// Where index i of 0 .. n-1 goes in a keyed permutation of those indices: a balanced Feistel
/// network of six rounds over the smallest even number of bits that holds n, walked along its cycle
/// until it is below n (fewer than four evaluations on average). A bijection for every n >= 1; no
/// array is held. n <= 2^62, i < n. Key: `random` and `stream`, which is below 2^61.
std::uint64_t permute(const Philox& random, std::uint64_t stream, std::uint64_t n, std::uint64_t i);

}  // namespace mneme
