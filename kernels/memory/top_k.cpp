#include "kernels/memory/top_k.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace mneme::cpu {

void top_k(const float* values, std::int64_t n, std::int64_t k, std::int32_t* order, float* best) {
  std::vector<std::int32_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  const auto better = [&](std::int32_t a, std::int32_t b) {
    const float x = values[a];
    const float y = values[b];
    if (std::isnan(x) || std::isnan(y)) {
      return std::isnan(x) == std::isnan(y) ? a < b : std::isnan(y);
    }
    return x != y ? x > y : a < b;
  };
  std::partial_sort(all.begin(), all.begin() + k, all.end(), better);
  for (std::int64_t i = 0; i < k; ++i) {
    order[i] = all[static_cast<std::size_t>(i)];
    best[i] = values[order[i]];
  }
}

}  // namespace mneme::cpu
