#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "data/batch.h"
#include "data/loader_state.h"
#include "data/sample_order.h"

namespace mneme {

/// How steps are cut out of the run's one order of samples. Step s takes the samples
/// [s*B, (s+1)*B); micro-batch m of it the m-th contiguous part of those, rank r the r-th
/// contiguous block of the micro-batch.
struct LoaderOptions {
  std::int64_t global_batch = 1;   // B, samples per optimizer step over all ranks
  std::int64_t micro_batches = 1;  // forward/backward passes per step
  std::int64_t ranks = 1;          // that hold different tokens: all of the run
  std::int64_t rank = 0;
  bool document_mask = true;
};

/// Samples per rank and micro-batch. Fault::user when the global batch does not divide, with the
/// nearest sizes that do.
std::int64_t samples_per_rank(const LoaderOptions& options);

/// One rank's share of one optimizer step.
struct StepBatch {
  std::int64_t first_sample = 0;  // of the step, in the run's order
  std::vector<Batch> micro;       // micro_batches of them
  std::int64_t target_count = 0;  // of this rank; the loss is divided by the sum over ranks
  std::uint64_t ids_hash = 0;     // its sum over ranks modulo 2^64 does not depend on the ranks
};

/// Reads this rank's share of each step; while one step is computed the next is read in a thread of
/// its own. Holds two steps' tokens of this rank, 16 bytes each. Where there are fewer samples than
/// ranks, a sample is simply read in several passes.
class Loader {
 public:
  Loader(std::shared_ptr<const SampleOrder> order, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The share of the step at state().next_sample, which then moves on by B. Errors of the reading
  /// thread are thrown here; the state then has not moved.
  StepBatch next();

  LoaderState state() const;
  /// Goes on where `saved` was taken. Fault::checkpoint when data, order or seed differ: every
  /// difference is named.
  void restore(const LoaderState& saved);
  /// Goes on at sample g of the order.
  void seek(std::int64_t next_sample);

  /// Any step's share, past or future; moves no state. `first_sample` = step * B.
  StepBatch read_step(std::int64_t first_sample) const;
  /// The text of `step` over all ranks, sample by sample: where each comes from, document by
  /// document. At most `max_samples` samples.
  std::string show_step(std::int64_t step,
                        const Tokenizer& tokenizer,
                        std::int64_t max_samples) const;

  const SampleOrder& order() const { return *order_; }
  const LoaderOptions& options() const { return options_; }

 private:
  // Shared by the ranks of one process and with the reading thread: files are open once.
  std::shared_ptr<const SampleOrder> order_;
  LoaderOptions options_;
  std::int64_t next_sample_ = 0;
  std::future<StepBatch> ahead_;  // the step at next_sample_, when valid
};

}  // namespace mneme
