#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "checkpoint/manifest.h"
#include "comm/communicator.h"
#include "params/param_set.h"
#include "params/placement.h"

namespace mneme {

/// What is saved, and where. All ranks give the same, except for the views, their position, and
/// `meta`, of which rank 0's is kept.
struct SaveRequest {
  std::filesystem::path folder;  // the run's checkpoints, seen by all ranks; made if absent
  std::int64_t step = 0;
  CheckpointKind kind = CheckpointKind::full;  // weights: the items are parameters alone
  std::span<const StateItem> items{};          // views on the host
  MeshPosition position{};                     // of this rank: says which block a view is
  nlohmann::json meta{};                       // kept in the manifest
};

/// The same on all ranks.
struct SaveResult {
  bool ok = false;
  std::string message;           // why not
  std::filesystem::path path;    // of the checkpoint
  std::int64_t bytes = 0;        // of its files
  std::uint64_t state_hash = 0;  // of names and checksums of all blocks: equal for equal states
                                 // on equal meshes, so that a state saved twice can be noticed
};

/// Writes the checkpoint <folder>/step_000120 (or weights_000120).
///
/// Each rank writes the blocks it is assigned to a file of its own in step_000120.tmp; rank 0 adds
/// an index of virtual datasets and the manifest; the rename to step_000120 is the commit. Until
/// then, and if anything fails, earlier checkpoints are as they were. One of the same name is
/// replaced. Equal states saved on equal meshes give equal HDF5 files, byte by byte.
///
/// Collective. A full disk, missing permission and the like give `ok == false` on all ranks, with
/// the temporary folder removed, and the caller goes on. Throws Fault::bug, on all ranks, for items
/// that do not fit their shapes or differ between ranks. Memory: a few pieces of 16 MiB.
SaveResult save_checkpoint(Communicator& world, const SaveRequest& request);

/// Bytes of the elements in a checkpoint of these items: what it needs on the disk, but for some
/// KiB per tensor.
std::int64_t planned_bytes(std::span<const StateItem> items);

}  // namespace mneme
