#pragma once

#include <cstddef>

namespace mneme::cpu {

struct RowLoss {
  float loss = 0;
  float lse = 0;
};

/// Loss of one token over n logits; with `gradient` the logits become their gradient (see
/// kernels/loss/cross_entropy.h). NaN and +infinity among the logits give NaN.
RowLoss cross_entropy_row(
    std::size_t n, std::size_t target, float scale, float z_weight, bool gradient, float* logits);

}  // namespace mneme::cpu
