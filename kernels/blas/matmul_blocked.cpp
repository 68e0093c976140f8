#include <algorithm>

#include "kernels/blas/matmul_backends.h"
#include "kernels/blas/matmul_loops.h"
#include "kernels/parallel.h"

namespace mneme::cpu {

/// Threads share the wider side of c in whole blocks. An element's sum is one chain over l within a
/// panel of `panel_depth`, panels in order, wherever the cut falls.
void matmul_blocked(Exec& ex, const MatmulProblem& p) {
  const std::int64_t panel = panel_depth * panel_columns;
  const auto mark = ex.scratch.mark();
  const View panels = ex.scratch.take(DType::f32, {ex.threads, panel}, "matmul.panels");
  if (ex.measuring()) return;
  float* room = panels.ptr<float>();
  const bool by_rows = p.m >= p.n;
  const std::int64_t grain = by_rows ? 8 : panel_columns;
  const std::int64_t extent = by_rows ? p.m : p.n;
  parallel_blocks(ex, ceil_div(extent, grain),
                  [&](std::int64_t first, std::int64_t last, int thread) {
                    const Range part{first * grain, std::min(last * grain, extent)};
                    matmul_part(p, by_rows ? part : Range{0, p.m}, by_rows ? Range{0, p.n} : part,
                                room + thread * panel);
                  });
}

}  // namespace mneme::cpu
