#include "optim/grad_clip.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/memory/row_sums.h"
#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {

ClipResult clip_gradients(Exec& ex,
                          const ParamSet& ps,
                          const OptimizerConfig& config,
                          const Mesh& mesh) {
  const Scope scope("clip");
  double main = 0;
  std::array<double, 1> values{0};
  for (const Param& p : ps.all()) {
    if (p.spec.grad == GradKind::sparse_rows) {
      values[0] += row_sums_squares(ex, p.row_sums);
    } else if (p.is_trained()) {
      main += sum_squares(ex, p.grad);
    }
  }
  mesh.memory().all_reduce(view_of(std::span<double>(values), {1}), Reduce::sum, ex).wait();
  const double norm = std::sqrt(main);
  const double norm_values = std::sqrt(values[0]);
  std::array<double, 4> agreed{norm, norm_values, std::min(1.0, config.clip / (norm + 1e-6)),
                               std::min(1.0, config.clip_values / (norm_values + 1e-6))};
  mesh.world().broadcast(view_of(std::span<double>(agreed), {4}), 0, ex).wait();
  return {agreed[0], agreed[1], agreed[2], agreed[3]};
}

}  // namespace mneme
