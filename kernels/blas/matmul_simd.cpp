#include <algorithm>
#include <cstddef>

#include "kernels/blas/matmul_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/blas/matmul_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/tile_simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

/// panel[l][j] = B[depth.first + l, columns.first + j]
HWY_INLINE void copy_panel(const MatmulProblem& p, Range depth, Range columns, float* panel) {
  const std::int64_t width = columns.count();
  if (p.transpose_b) {
    transpose({.rows = static_cast<std::size_t>(width),
               .columns = static_cast<std::size_t>(depth.count()),
               .from = p.b + columns.first * p.k + depth.first,
               .from_row = static_cast<std::size_t>(p.k),
               .to = panel,
               .to_row = static_cast<std::size_t>(width)});
    return;
  }
  for (std::int64_t l = 0; l < depth.count(); ++l) {
    const float* from = p.b + (depth.first + l) * p.n + columns.first;
    std::copy(from, from + width, panel + l * width);
  }
}

void matmul_part(const MatmulProblem& p, Range rows, Range columns, float* panel) {
  const auto size = [](std::int64_t n) HWY_ATTR { return static_cast<std::size_t>(n); };
  const std::int64_t a_row = p.transpose_a ? 1 : p.k;
  const std::int64_t a_column = p.transpose_a ? p.m : 1;
  for (std::int64_t j = columns.first; j < columns.last; j += panel_columns) {
    const Range wide{j, std::min(j + panel_columns, columns.last)};
    for (std::int64_t l = 0; l < p.k; l += panel_depth) {
      const Range deep{l, std::min(l + panel_depth, p.k)};
      copy_panel(p, deep, wide, panel);
      tile_product({.m = size(rows.count()),
                    .n = size(wide.count()),
                    .k = size(deep.count()),
                    .a = p.a + rows.first * a_row + l * a_column,
                    .a_row = size(a_row),
                    .a_column = size(a_column),
                    .b = panel,
                    .b_row = size(wide.count()),
                    .c = p.c + rows.first * p.n + j,
                    .c_row = size(p.n),
                    .accumulate = p.accumulate || l > 0});
    }
    if (!p.has_bias) continue;
    for (std::int64_t i = rows.first; i < rows.last; ++i) {
      float* c = p.c + i * p.n;
      for (std::int64_t x = wide.first; x < wide.last; ++x) c[x] += p.bias[x];
    }
  }
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(matmul_part);
void matmul_part(const MatmulProblem& p, Range rows, Range columns, float* panel) {
  HWY_DYNAMIC_DISPATCH(matmul_part)(p, rows, columns, panel);
}

}  // namespace mneme::cpu
#endif
