#pragma once

#include <cstdint>

#include "kernels/blas/matmul_backends.h"

#include "base/math.h"

namespace mneme::cpu {

/// A panel of b that stays in the second-level cache while all rows of a pass over it.
inline constexpr std::int64_t panel_depth = 256;
inline constexpr std::int64_t panel_columns = 128;

/// The rows and columns of c named, by one thread; `panel` holds panel_depth*panel_columns f32.
void matmul_part(const MatmulProblem& p, Range rows, Range columns, float* panel);

}  // namespace mneme::cpu
