#pragma once

#include <cstdint>

namespace mneme::cpu {

/// The k best of n values by descending value, then lower index. NaN is ordered after every number;
/// -0 equals +0. 1 <= k <= n. Writes their indices and values, best first.
void top_k(const float* values, std::int64_t n, std::int64_t k, std::int32_t* order, float* best);

}  // namespace mneme::cpu
