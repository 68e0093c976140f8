#pragma once

#include <cstddef>

#include "kernels/optim/adamw_math.h"

namespace mneme::cpu {

/// One AdamW step on n elements; vector code chosen at run time.
void adamw_elements(std::size_t n,
                    const AdamWFactors& factors,
                    const float* grad,
                    float* weight,
                    float* m,
                    float* v);

}  // namespace mneme::cpu
