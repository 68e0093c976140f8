#include "train/trainer.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/amount.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/scope.h"
#include "base/text_file.h"
#include "checkpoint/load.h"
#include "checkpoint/outcome.h"
#include "checkpoint/save.h"
#include "comm/agree.h"
#include "config/parse.h"
#include "config/print.h"
#include "data/data_files.h"
#include "runtime/process_memory.h"
#include "train/load_model.h"
#include "train/run_summary.h"
#include "train/validation.h"

namespace mneme {
RunConfig with_vocabulary(RunConfig config, const SampleOrder& order) {
  const std::int64_t found = std::int64_t{order.info().vocab_size};
  require(config.model.vocabulary == 0 || config.model.vocabulary >= found, Fault::user,
          "model.vocabulary = {} is smaller than the tokenizer's {} tokens; hint: 0 takes the "
          "tokenizer's",
          config.model.vocabulary, found);
  if (config.model.vocabulary == 0) config.model.vocabulary = found;
  return config;
}

Trainer::Trainer(const RunConfig& config, const Mesh& mesh, const TrainerOptions& options)
    : config_(config), mesh_(&mesh), options_(options), folder_(config) {
  Agreement ranks(mesh_->world());
  ranks.together([&] { open_data(); });
  Engine measured(config_, *mesh_, Engine::Purpose::train, Arenas::measuring(), options_.threads);
  measure(measured);
  // What can be refused is refused before the plan is shown and memory taken.
  ranks.together([&] {
    if (is_first()) take_folder();
  });
  const std::optional<CheckpointEntry> entry = newest_checkpoint();
  tell(to_table(plan_, config_));
  memory_before_ = process_memory().now;
  engine_ = std::make_unique<Engine>(config_, *mesh_, Engine::Purpose::train,
                                     Arenas::sized(measured.arenas()), options_.threads);
  start_or_resume(entry);
}

void Trainer::open_data() {
  const Scope scope("open_data");
  require_files(config_.data, {"data.train", "data.validation", "data.tokenizer"});
  order_ = std::make_shared<SampleOrder>(training_sources(config_.data), config_.train.sequence,
                                         static_cast<std::uint64_t>(config_.seed));
  check_tokenizer(config_.data, order_->info());
  config_ = with_vocabulary(config_, *order_);
  const std::int64_t ranks = mesh_->world().size();
  loader_ = std::make_unique<Loader>(
      order_, LoaderOptions{.global_batch = config_.train.batch,
                            .micro_batches = micro_batches(config_.train, ranks),
                            .ranks = ranks,
                            .rank = mesh_->world().rank(),
                            .document_mask = config_.data.document_mask});
  validation_ = open_validation_sets(
      config_, mesh_->world(), config_.train.batch / ranks / micro_batches(config_.train, ranks),
      order_->info().tokenizer_hash);
}

void Trainer::measure(Engine& measured) {
  const Scope scope("plan");
  plan_ = measure_plan(measured);
  for (Communicator* axis : {&mesh_->world(), &mesh_->data(), &mesh_->memory()})
    axis->reset_traffic();
}

/// The run's folder, for this process alone and tidy. For rank 0.
void Trainer::take_folder() {
  std::error_code error;
  std::filesystem::create_directories(folder_.root, error);
  require(!error, Fault::machine, "the run's folder {} cannot be made: {}; hint: see `output`",
          folder_.root.string(), error.message());
  lock_.emplace(folder_.root, "mneme train");
  for (const std::string& done : clean_leftovers(folder_.checkpoints())) tell(done);
}

/// The checkpoint to go on from, of this very run as far as its config tells; none: a new run.
std::optional<CheckpointEntry> Trainer::newest_checkpoint() {
  const LatestCheckpoint latest = latest_checkpoint(mesh_->world(), folder_.checkpoints());
  require(
      latest.entry || latest.skipped.empty(), Fault::checkpoint,
      "{}: no checkpoint of this run can be loaded:{}\n  hint: put a whole one back, or move the "
      "folder away to begin anew",
      folder_.checkpoints().string(), latest.reasons());
  if (speaks()) {
    for (const std::string& why : latest.skipped) options_.reporter->warning(why);
  }
  if (latest.entry) require_resumable(*latest.entry);
  return latest.entry;
}

void Trainer::start_or_resume(const std::optional<CheckpointEntry>& entry) {
  if (entry) {
    resume(*entry);
  } else {
    engine_->initialise();
  }
  Agreement(mesh_->world()).together([&] {
    if (speaks()) options_.reporter->resumed(step_);
    if (!is_first() || is_finished()) return;
    save_run_tokenizer(folder_.root, *order_->stream(0).files().front().tokenizer());
    write_text_atomically(folder_.config(), to_yaml(config_, Comments::descriptions));
  });
}

void Trainer::require_resumable(const CheckpointEntry& entry) {
  const Scope scope("resume");
  const Manifest saved = read_manifest(entry.path);
  const auto text = saved.meta.at("config").get<std::string>();
  require(entry.step <= config_.train.steps, Fault::user,
          "train.steps = {}, but {} done: {}; hint: give the run another name to begin anew",
          config_.train.steps, counted(entry.step, "step is", "steps are"), entry.path.string());
  for (const std::string& change :
       require_same_run(text, config_, options_.overrides, entry.path.string())) {
    tell("goes on with another option: " + change);
  }
  loader_->restore(LoaderState::from_json(saved.meta.at("loader").dump(), entry.path.string()));
}

void Trainer::resume(const CheckpointEntry& entry) {
  const Scope scope("resume");
  const auto text = read_manifest(entry.path).meta.at("config").get<std::string>();
  const auto before = parse_text<RunConfig>(text, "the config saved in " + entry.path.string());
  const std::vector<StateItem> items = engine_->state_items();
  load_checkpoint(mesh_->world(),
                  {.checkpoint = entry.path, .items = items, .position = position_on(*mesh_)});
  step_ = entry.step;
  saved_step_ = step_;
  if (engine_->optimizer().settle_debt(engine_->exec(), before.optimizer, before.train.steps,
                                       step_)) {
    tell(fmt::format("the pool's options differ: its rows are brought to step {} by the old ones",
                     step_));
  }
}

/// Whether the state was loaded, or saved, and the summary of this very step written. For rank 0.
bool Trainer::is_summarised() const {
  if (saved_step_ != step_) return false;
  const auto summary = read_summary(folder_.root);
  return summary && summary->step == step_ && summary->steps == config_.train.steps;
}

/// Whether the run is done to its end and its summary written. For rank 0.
bool Trainer::is_finished() const {
  return step_ >= config_.train.steps && is_summarised();
}

bool Trainer::is_first() const {
  return mesh_->world().rank() == 0;
}

bool Trainer::speaks() const {
  return is_first() && options_.reporter != nullptr;
}

void Trainer::tell(const std::string& text) {
  if (speaks()) options_.reporter->message(text);
}

double Trainer::seconds_since_start() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

bool Trainer::wants_stop() const {
  const TrainConfig& t = config_.train;
  return stop_ || (t.stop_at_step > 0 && step_ >= t.stop_at_step && step_ < t.steps);
}

/// One small reduction at the start of a step: targets of the global batch, the hash of its token
/// ids, and whether any rank was asked to stop.
Trainer::Agreed Trainer::agree(const StepBatch& batch) {
  const double limit = config_.train.stop_after.seconds;
  const bool late = limit > 0 && seconds_since_start() >= limit;
  const bool stop = late || (options_.signals != nullptr && options_.signals->pending() != 0);
  std::array<std::int64_t, 3> sums{batch.target_count, static_cast<std::int64_t>(batch.ids_hash),
                                   stop ? 1 : 0};
  add_up(mesh_->world(), sums, engine_->exec());
  return {sums[0], static_cast<std::uint64_t>(sums[1]), sums[2] > 0};
}

void Trainer::train_one() {
  const auto begin = std::chrono::steady_clock::now();
  const Cost before = engine_->cost();
  const LoaderState place = loader_->state();
  const StepBatch batch = loader_->next();
  const Agreed agreed = agree(batch);
  if (agreed.stop) {
    stop_ = true;
    loader_->restore(place);
    return;
  }
  const Engine::Step done = engine_->train_step(step_ + 1, batch.micro, agreed.targets);
  ++step_;
  StepReport report{
      .step = step_,
      .steps = config_.train.steps,
      .loss = done.loss,
      .lr = engine_->optimizer().lr(Group::matrices, step_),
      .lr_values = engine_->optimizer().lr(Group::memory_values, step_),
      .clip = done.clip,
      .tokens = config_.train.batch * config_.train.sequence,
      .targets = done.targets,
      .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
      .matmul_flop = engine_->cost().matmul_flop - before.matmul_flop,
      .pool_bytes = engine_->cost().pool_bytes - before.pool_bytes,
      .ids_hash = agreed.ids_hash,
      .use = {}};
  if (engine_->has_pool() && step_ % config_.report.use_every == 0) {
    report.use = engine_->summarise_use();
  }
  if (speaks()) options_.reporter->step(report);
}

void Trainer::validate() {
  for (const ValidationSet& set : validation_) {
    const ValidationReport report = measure_validation(*engine_, set, step_);
    if (speaks()) options_.reporter->validation(report);
  }
}

/// Replicas of the pool that drifted apart would be silent for ever: compared before each save.
void Trainer::require_equal_replicas() {
  Communicator& data = mesh_->data();
  if (data.size() == 1) return;
  for (const StateItem& item : engine_->state_items()) {
    if (!std::holds_alternative<Split>(item.place)) continue;
    const auto hash = static_cast<std::int64_t>(hash64(item.local.raw()));
    std::array<std::int64_t, 2> ends{hash, ~hash};  // the largest, and the smallest inverted
    agree_on_max(data, ends, engine_->exec());
    require(ends[0] == ~ends[1], Fault::bug, "the replicas of {} have drifted apart at step {}",
            item.name, step_);
  }
}

/// Writes a checkpoint, or a copy of the weights alone, which nothing ever removes.
bool Trainer::save(CheckpointKind kind) {
  const Scope scope("save");
  const auto begin = std::chrono::steady_clock::now();
  const bool is_full = kind == CheckpointKind::full;
  require_equal_replicas();
  nlohmann::json meta;
  meta["config"] = to_yaml(config_);
  if (is_full) meta["loader"] = nlohmann::json::parse(loader_->state().to_json());
  meta["tokenizer"] = {{"kind", order_->info().tokenizer_kind},
                       {"hash", hex(order_->info().tokenizer_hash)}};
  meta["mesh"] = {{"data", mesh_->data().size()}, {"memory", mesh_->memory().size()}};
  const std::vector<StateItem> items =
      is_full ? engine_->state_items() : engine_->settled_weights(step_);
  const SaveResult saved = save_checkpoint(mesh_->world(), {.folder = folder_.checkpoints(),
                                                            .step = step_,
                                                            .kind = kind,
                                                            .items = items,
                                                            .position = position_on(*mesh_),
                                                            .meta = std::move(meta)});
  if (saved.ok && is_full) saved_step_ = step_;
  if (speaks()) {
    options_.reporter->checkpoint(
        {.step = step_,
         .ok = saved.ok,
         .message = saved.ok ? saved.path.string() : saved.message,
         .bytes = saved.bytes,
         .seconds =
             std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()});
  }
  if (!is_first() || !saved.ok || !is_full) return saved.ok;
  for (const std::string& p :
       prune_checkpoints(folder_.checkpoints(), config_.checkpoint.keep).problems) {
    if (speaks()) options_.reporter->warning(p);
  }
  return saved.ok;
}

/// What the config wants of the step that is done; the last step's checkpoint is the end's matter.
void Trainer::save_where_due() {
  const CheckpointConfig& c = config_.checkpoint;
  const auto due = [&](std::int64_t every) { return every > 0 && step_ % every == 0; };
  if (due(c.keep.weights_every)) save(CheckpointKind::weights);
  if (due(c.every) && step_ < config_.train.steps) save(CheckpointKind::full);
}

/// What the run cost so far, over all its parts: printed, and kept in summary.json.
void Trainer::summarise() {
  const ProcessMemory memory = process_memory();
  const std::vector<std::int64_t> mine{plan_.bytes(), memory.peak, memory_before_};
  const std::int64_t ranks = mesh_->world().size();
  std::vector<std::int64_t> all(size_of(3 * ranks));
  mesh_->world()
      .all_gather(view_of(std::span<const std::int64_t>(mine), {3}),
                  view_of(std::span<std::int64_t>(all), {3 * ranks}), engine_->exec())
      .wait();
  if (!is_first()) return;
  // The busiest rank: which took most since the arenas were made.
  std::size_t most = 0;
  const auto taken = [&](std::size_t rank) { return all[3 * rank + 1] - all[3 * rank + 2]; };
  for (std::size_t r = 1; r < size_of(ranks); ++r) {
    if (taken(r) > taken(most)) most = r;
  }
  const std::int64_t planned = all[3 * most];
  const std::int64_t peak = all[3 * most + 1];
  const std::int64_t before = all[3 * most + 2];
  const StepTimes times = step_times(folder_.metrics(), step_);
  const double tokens =
      static_cast<double>(config_.train.batch * config_.train.sequence * times.steps);
  const RunSummary s{.name = config_.name,
                     .step = step_,
                     .steps = config_.train.steps,
                     .ranks = mesh_->world().size(),
                     .threads = options_.threads,
                     .parameters = plan_.parameters,
                     .pool_parameters = plan_.pool_parameters,
                     .matmul_flop_per_token = plan_.flop_per_token,
                     .train_seconds = times.seconds,
                     .tokens_per_second = times.seconds > 0 ? tokens / times.seconds : 0,
                     .planned_bytes = planned,
                     .peak_bytes = peak,
                     .before_bytes = before,
                     .rows_touched = times.rows_touched,
                     .effective_rows = times.effective_rows};
  write_summary(folder_.root, s);
  tell(fmt::format(
      "peak memory of the busiest rank: {}, which is {} before training and {} for it (planned: "
      "{})",
      bytes_text(peak), bytes_text(before), bytes_text(peak - before), bytes_text(planned)));
}

int Trainer::run() {
  const std::int64_t steps = config_.train.steps;
  if (Agreement(mesh_->world()).any(is_first() && is_finished())) {
    tell(fmt::format("{} is finished, step {} of {}: nothing to train", folder_.root.string(),
                     step_, steps));
    return 0;
  }
  if (wants_stop() && Agreement(mesh_->world()).any(is_first() && is_summarised())) {
    tell(
        fmt::format("{} stands at step {} of {} already, and train.stop_at_step = {}: nothing to "
                    "train; hint: --set train.stop_at_step=0 goes on to the end",
                    folder_.root.string(), step_, steps, config_.train.stop_at_step));
    return exit_interrupted;
  }
  while (step_ < steps && !wants_stop()) {
    train_one();
    if (stop_) break;
    if (config_.report.validate_every > 0 && step_ % config_.report.validate_every == 0 &&
        step_ < steps) {
      validate();
    }
    save_where_due();
  }
  const bool done = step_ >= steps;
  if (done) validate();
  if (saved_step_ != step_) {
    const bool ok = save(CheckpointKind::full);
    require(ok, Fault::machine,
            "the state of step {} could not be saved; the newest checkpoint is of step {}", step_,
            saved_step_);
  }
  summarise();
  if (!done) {
    const std::string& command = options_.resume_command;
    tell(fmt::format("interrupted after step {} of {}; {}", step_, steps,
                     command.empty() ? "the same command goes on from here"
                                     : "this goes on from here:\n  " + command));
  }
  return done ? 0 : exit_interrupted;
}

}  // namespace mneme
