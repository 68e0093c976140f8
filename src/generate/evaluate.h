#pragma once

#include "comm/mesh.h"
#include "train/load_model.h"
#include "train/run_summary.h"

namespace mneme {

/// Validation losses and, where the run's config names probes, recall of facts, of the checkpoint
/// that `run` names; rank 0 keeps them in eval.json of the run's folder. The same on all ranks.
/// Collective over the mesh.
EvalResult evaluate_run(const SavedRun& run, const Mesh& mesh, int threads);

}  // namespace mneme
