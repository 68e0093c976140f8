#pragma once

#include <filesystem>
#include <span>

#include "checkpoint/manifest.h"
#include "comm/communicator.h"
#include "params/param_set.h"
#include "params/placement.h"

namespace mneme {

struct LoadRequest {
  std::filesystem::path checkpoint;    // .../step_000120, seen by all ranks
  std::span<const StateItem> items{};  // to be filled; views on the host
  MeshPosition position{};             // of this rank: says which block a view is

  /// What to do about tensors of the checkpoint that are not in the list: a resumed run must know
  /// them all, who wants the weights alone need not.
  enum class Surplus { refuse, ignore };
  Surplus surplus = Surplus::refuse;
};

/// Fills the items' views from a checkpoint that any number of ranks, on any mesh, has written, and
/// returns its manifest. The bits are those that were saved; nothing is converted.
///
/// Collective: all ranks return, or all throw. Throws Fault::checkpoint with all that does not fit
/// in one message (missing and surplus tensors, other shapes, other dtypes), for a missing or
/// broken manifest, and for files that are missing, cut short or damaged, naming the dataset.
/// Nothing is written before the first of these checks; after damage is found the views' contents
/// are undefined. Reads through the manifest alone, in pieces of 16 MiB.
Manifest load_checkpoint(Communicator& world, const LoadRequest& request);

}  // namespace mneme
