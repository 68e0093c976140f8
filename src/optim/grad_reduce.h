#pragma once

#include "comm/mesh.h"
#include "params/param_set.h"

namespace mneme {

/// Sums all gradients over the ranks that hold a copy, once per optimizer step, in rank order:
/// dense gradients over the world (every rank has its own tokens), pool rows over the replicas of
/// the pool.
void reduce_gradients(Exec& ex, ParamSet& ps, const Mesh& mesh);

/// Pool rows alone: afterwards every replica holds the sums of the rows that any of them touched.
/// The rows go in tiles; of each tile every replica sums a range, in replica order, and sends the
/// sums to all.
void reduce_row_sums(Exec& ex, RowSums& sums, Communicator& replicas);

}  // namespace mneme
