#pragma once

#include "comm/mesh.h"
#include "optim/optimizer_config.h"
#include "params/param_set.h"

namespace mneme {

/// Norms of the gradient of one optimizer step before clipping, and the factors that clip it.
struct ClipResult {
  double norm = 0;         // of everything but the pool's rows
  double norm_values = 0;  // of the pool's rows
  double scale = 1;        // min(1, clip / (norm + 1e-6))
  double scale_values = 1;
};

/// Once per step, after accumulation and reduction. Squares are summed in f64 in declaration order;
/// a replicated parameter counts once, pool columns are summed over the memory axis in rank order.
/// All ranks use rank 0's factors. A norm that is not finite is
/// reported as it is, and the factors then mean nothing: the caller refuses the step.
ClipResult clip_gradients(Exec& ex,
                          const ParamSet& ps,
                          const OptimizerConfig& config,
                          const Mesh& mesh);

}  // namespace mneme
