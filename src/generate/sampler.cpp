#include "generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace mneme {

std::int32_t Sampler::choose(std::span<const float> logits,
                             std::int64_t sequence,
                             std::int64_t position) const {
  if (options_.temperature <= 0) {
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) -
                                     logits.begin());
  }
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::int32_t i) { return logits[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return logit(a) > logit(b); });
  if (options_.top_k > 0 && options_.top_k < static_cast<std::int64_t>(order.size())) {
    order.resize(static_cast<std::size_t>(options_.top_k));
  }
  std::vector<double> weight;
  double total = 0;
  for (const std::int32_t i : order) {
    weight.push_back(
        std::exp(static_cast<double>(logit(i) - logit(order[0])) / options_.temperature));
    total += weight.back();
  }
  double kept = 0;
  std::size_t n = 0;
  while (n < weight.size() && (n == 0 || kept < options_.top_p * total)) kept += weight[n++];
  double u = kept * random_.uniform(static_cast<std::uint64_t>(sequence),
                                    static_cast<std::uint64_t>(position));
  for (std::size_t i = 0; i < n; ++i) {
    u -= weight[i];
    if (u < 0) return order[i];
  }
  return order[n - 1];
}

}  // namespace mneme
