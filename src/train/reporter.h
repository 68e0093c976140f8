#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/pool_use.h"
#include "optim/grad_clip.h"

namespace mneme {

/// What one optimizer step was, for logs and metrics. The same on all ranks but for times.
struct StepReport {
  std::int64_t step = 0;   // from 1
  std::int64_t steps = 0;  // of the run
  double loss = 0;         // nats per target
  double lr = 0;           // of the matrices
  double lr_values = 0;    // of the pool's rows
  ClipResult clip;
  std::int64_t tokens = 0;              // of the global batch
  std::int64_t targets = 0;             // that count
  double seconds = 0;                   // this step took, from data to update
  double matmul_flop = 0;               // of this rank in this step
  double pool_bytes = 0;                // of this rank in this step
  std::uint64_t ids_hash = 0;           // of the step's token ids over all ranks
  std::optional<PoolUse::Summary> use;  // at the end of a window
};

/// The loss of one validation set.
struct ValidationReport {
  std::int64_t step = 0;
  std::string name;
  double loss = 0;  // nats per target
  double bits_per_byte = 0;
  std::int64_t targets = 0;
  double seconds = 0;
};

struct CheckpointReport {
  std::int64_t step = 0;
  bool ok = false;
  std::string message;  // path, or why not
  std::int64_t bytes = 0;
  double seconds = 0;
};

/// Who is told what a run does: the terminal, the log, metrics.jsonl, TensorBoard. Called on rank
/// 0.
class Reporter {
 public:
  Reporter() = default;
  virtual ~Reporter() = default;
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  virtual void message(const std::string& text) = 0;
  virtual void warning(const std::string& text) = 0;
  virtual void step(const StepReport& report) = 0;
  virtual void validation(const ValidationReport& report) = 0;
  virtual void checkpoint(const CheckpointReport& report) = 0;
  /// The run goes on after `step`: what was reported of later steps is void.
  virtual void resumed(std::int64_t step) = 0;
};

}  // namespace mneme
