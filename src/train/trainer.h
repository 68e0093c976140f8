#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/folder_lock.h"
#include "checkpoint/folder.h"
#include "data/loader.h"
#include "data/validation_set.h"
#include "train/engine.h"
#include "train/plan.h"
#include "train/reporter.h"
#include "train/run_folder.h"
#include "train/stop_signals.h"

namespace mneme {

/// What a training run needs besides its config.
struct TrainerOptions {
  std::vector<std::string> overrides;  // the --set options, for the check on resume
  int threads = 1;
  StopSignals* signals = nullptr;   // not owned; null: nothing interrupts
  Reporter* reporter = nullptr;     // not owned; used on rank 0 only
  std::string resume_command = {};  // what a person types to go on; told when a run is interrupted
};

/// Reads the data's vocabulary into the config where it says 0. Fault::user when it contradicts.
RunConfig with_vocabulary(RunConfig config, const SampleOrder& order);

/// A run from its config: new, or resumed from the newest checkpoint in its folder.
class Trainer {
 public:
  /// Collective. Opens the data, measures a step, takes the run's folder and checks what is in it;
  /// only then shows the plan, allocates, initialises or loads.
  Trainer(const RunConfig& config, const Mesh& mesh, const TrainerOptions& options);

  /// Trains to the end, a stop that the config names, or a signal. Returns the process's exit
  /// status: 0 done, 75 interrupted and resumable. Collective.
  int run();

  Engine& engine() { return *engine_; }
  std::int64_t step() const { return step_; }

 private:
  struct Agreed {
    std::int64_t targets = 0;
    std::uint64_t ids_hash = 0;
    bool stop = false;
  };
  void open_data();
  void measure(Engine& measured);
  void take_folder();
  std::optional<CheckpointEntry> newest_checkpoint();
  void require_resumable(const CheckpointEntry& entry);
  void start_or_resume(const std::optional<CheckpointEntry>& entry);
  void resume(const CheckpointEntry& entry);
  Agreed agree(const StepBatch& batch);
  void train_one();
  void validate();
  bool save(CheckpointKind kind);
  void save_where_due();
  void summarise();
  void require_equal_replicas();
  bool wants_stop() const;
  bool is_summarised() const;
  bool is_finished() const;
  bool is_first() const;
  bool speaks() const;
  void tell(const std::string& text);
  double seconds_since_start() const;

  RunConfig config_;
  const Mesh* mesh_;
  TrainerOptions options_;
  RunFolder folder_;
  std::optional<FolderLock> lock_;  // rank 0's, while it lives
  std::shared_ptr<const SampleOrder> order_;
  std::unique_ptr<Loader> loader_;
  std::vector<ValidationSet> validation_;
  std::unique_ptr<Engine> engine_;
  std::int64_t step_ = 0;  // done
  std::int64_t saved_step_ = -1;
  bool stop_ = false;
  Plan plan_;
  std::int64_t memory_before_ = 0;  // of the process, when the arenas were made
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace mneme
