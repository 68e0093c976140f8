#include "train/run_config.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/amount.h"
#include "base/math.h"

namespace mneme {
namespace {

// Of one rank's forward and backward, so of a sample as well. Far above what any machine trains,
// and low enough that a mistyped size is told at once: planning walks through a step's chunks of
// tokens, which for a thousand times more would take hours.
constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;
constexpr std::int64_t kLargestBatch = kMostTokens;

}  // namespace

void TrainConfig::describe(Schema<TrainConfig>& s) {
  s.field("steps", &TrainConfig::steps, "steps", "length of the run and of its schedule",
          positive())
      .field("sequence", &TrainConfig::sequence, "tokens", "length of a sample",
             in_range(1, kMostTokens))
      .field("batch", &TrainConfig::batch, "samples", "samples per optimizer step, over all ranks",
             in_range(1, kLargestBatch))
      .field("micro_batch", &TrainConfig::micro_batch, "samples",
             "samples per rank in one forward and backward; 0: all of a rank's share of the batch",
             in_range(0, kLargestBatch), free_to_change())
      .field("stop_at_step", &TrainConfig::stop_at_step, "steps",
             "save and end (status 75) after this step; 0: run to the end", non_negative(),
             free_to_change())
      .field("stop_after", &TrainConfig::stop_after, "",
             "save and end (status 75) after this time; 0s: never", non_negative(),
             free_to_change());
}

void ReportConfig::describe(Schema<ReportConfig>& s) {
  s.field("log_every", &ReportConfig::log_every, "steps",
          "a line on the terminal and in the log, with the mean loss since the line before; "
          "metrics.jsonl has every step",
          positive(), free_to_change())
      .field("use_every", &ReportConfig::use_every, "steps",
             "window over which use of the pool's rows is counted", positive(), free_to_change())
      .field("validate_every", &ReportConfig::validate_every, "steps",
             "measure the validation sets; 0: only at the end", non_negative(), free_to_change())
      .field("tensorboard", &ReportConfig::tensorboard, "", "write TensorBoard event files",
             free_to_change());
}

void CheckpointConfig::describe(Schema<CheckpointConfig>& s) {
  s.field("every", &CheckpointConfig::every, "steps", "save the state; 0: only at the end",
          non_negative(), free_to_change())
      .field("keep", &CheckpointConfig::keep, "", "which checkpoints stay", free_to_change());
}

void RuntimeConfig::describe(Schema<RuntimeConfig>& s) {
  s.field("device", &RuntimeConfig::device, "", "what the ranks compute on", free_to_change())
      .field("threads", &RuntimeConfig::threads, "",
             "threads per rank; 0: OMP_NUM_THREADS if it is set, else the rank's share of the "
             "cores that it may run on",
             in_range(0, 1024), free_to_change());
}

void RunConfig::describe(Schema<RunConfig>& s) {
  s.field("name", &RunConfig::name, "", "of the run: its folder is output/name", not_empty(),
          required(), free_to_change())
      .field("output", &RunConfig::output, "", "folder of runs", not_empty(), free_to_change())
      .field("seed", &RunConfig::seed, "", "of initial values and data order", non_negative())
      .field("model", &RunConfig::model, "", "the decoder")
      .field("data", &RunConfig::data, "", "what is read")
      .field("train", &RunConfig::train, "", "how much is trained")
      .field("optimizer", &RunConfig::optimizer, "", "AdamW and its groups")
      .field("mesh", &RunConfig::mesh, "", "how the ranks are laid out", free_to_change())
      .field("runtime", &RunConfig::runtime, "", "what the ranks run on", free_to_change())
      .field("report", &RunConfig::report, "", "logs and metrics", free_to_change())
      .field("checkpoint", &RunConfig::checkpoint, "", "when the state is saved", free_to_change())
      .together(
          "report.use_every times train.batch times train.sequence must be below 2^31, as a head "
          "may read one row for each token",
          [](const RunConfig& c) {
            return static_cast<double>(c.report.use_every) * static_cast<double>(c.train.batch) *
                       static_cast<double>(c.train.sequence) <
                   0x1p31;
          });
}

std::int64_t micro_batches(const TrainConfig& c, std::int64_t ranks) {
  const bool in_one = c.micro_batch == 0 && c.batch % ranks == 0;
  const std::int64_t samples = in_one ? c.batch / ranks : std::max<std::int64_t>(c.micro_batch, 1);
  const std::int64_t whole = ranks * samples;
  const std::int64_t below = std::max(whole, c.batch / whole * whole);
  const std::int64_t above = ceil_div(c.batch, whole) * whole;
  const std::string nearest =
      below == above ? fmt::format("{}", above) : fmt::format("{} or {}", below, above);
  require(c.batch % whole == 0, Fault::user,
          "train.batch = {} samples does not divide over {} in micro-batches of {}; hint: "
          "train.batch = {} does",
          c.batch, counted(ranks, "rank"), samples, nearest);
  require(samples * c.sequence <= kMostTokens, Fault::user,
          "one forward and backward of a rank, {} of {}, is over {} tokens; hint: "
          "train.micro_batch = {} or less",
          counted(samples, "sample"), counted(c.sequence, "token"), kMostTokens,
          kMostTokens / c.sequence);
  return c.batch / whole;
}

}  // namespace mneme
