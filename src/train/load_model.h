#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "checkpoint/folder.h"
#include "text/tokenizer.h"
#include "train/engine.h"

namespace mneme {

/// A checkpoint as a user names it: itself, a folder of checkpoints, or a run's folder, whose
/// newest is taken. Fault::user when there is none, Fault::checkpoint when none can be read.
CheckpointEntry find_checkpoint(const std::filesystem::path& path);

/// The config that the checkpoint was trained with, and where its run's files are.
struct SavedRun {
  CheckpointEntry entry;
  RunConfig config;
  std::filesystem::path root;  // of the run, two folders above the checkpoint
};
SavedRun read_saved_run(const std::filesystem::path& path,
                        const std::vector<std::string>& overrides = {});

/// The tokenizer that the run was trained with, from its folder. Fault::checkpoint if it is not the
/// one.
std::unique_ptr<Tokenizer> load_run_tokenizer(const SavedRun& run);
/// Writes it there, once, when a run starts.
void save_run_tokenizer(const std::filesystem::path& root, const Tokenizer& tokenizer);

/// A trained model for reading, on any mesh: weights loaded, pool rows brought up to date.
/// `measure` runs what is going to be asked of the engine on its measuring twin. Collective.
std::unique_ptr<Engine> load_model(const SavedRun& run,
                                   const Mesh& mesh,
                                   int threads,
                                   const std::function<void(Engine&)>& measure);

}  // namespace mneme
