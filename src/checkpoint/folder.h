#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "comm/communicator.h"

namespace mneme {

/// A committed checkpoint in a run's checkpoint folder.
struct CheckpointEntry {
  std::int64_t step = 0;
  CheckpointKind kind = CheckpointKind::full;
  std::filesystem::path path;
};

/// The folder's name of a checkpoint: "step_000120", or "weights_000120" for weights alone.
std::string checkpoint_name(CheckpointKind kind, std::int64_t step);
/// The same while it is being written or removed, and while another takes its name.
std::filesystem::path temporary_path(const std::filesystem::path& checkpoint);
std::filesystem::path replaced_path(const std::filesystem::path& checkpoint);

/// All that are committed, of both kinds, by step, then kind. An absent folder holds none. What a
/// name promises is not checked here.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& folder);

/// Why the checkpoint cannot be loaded as far as its manifest and the sizes of its files tell;
/// nothing if it can. Cheap: contents are not read, see verify_checkpoint.
std::optional<std::string> checkpoint_defect(const std::filesystem::path& checkpoint);

/// The newest full checkpoint without defect, and why newer ones were passed over.
struct LatestCheckpoint {
  std::optional<CheckpointEntry> entry;
  std::vector<std::string> skipped;  // one sentence each
  std::string reasons() const;       // for an error: skipped, each on a line of its own
};
LatestCheckpoint latest_checkpoint(const std::filesystem::path& folder);
/// Rank 0 looks, so that all ranks have the same answer whatever their file systems show.
/// Collective; `skipped` too is the same everywhere.
LatestCheckpoint latest_checkpoint(Communicator& world, const std::filesystem::path& folder);

/// Removes what an interrupted save or removal left behind, and puts back a checkpoint that was
/// about to be replaced. For one process, at the start of a run, before anything else looks at the
/// folder. Returns what it did, one sentence each.
std::vector<std::string> clean_leftovers(const std::filesystem::path& folder);

/// Removes a checkpoint so that no half of it can be taken for one. Fault::machine if it cannot.
void remove_checkpoint(const std::filesystem::path& checkpoint);

}  // namespace mneme
