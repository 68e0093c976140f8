#include "train/engine.h"

#include <cmath>

#include "kernels/util/elementwise.h"

#include "base/scope.h"
#include "optim/grad_reduce.h"

namespace mneme {
namespace {

TokenBatch views_of(const Batch& b) {
  const Shape tokens{b.tokens()};
  const auto view = [&](const std::vector<std::int32_t>& v) {
    return view_of(std::span<const std::int32_t>(v), tokens);
  };
  return {.tokens = view(b.inputs),
          .targets = view(b.targets),
          .positions = view(b.positions),
          .first = view(b.document_start)};
}

std::int64_t step_tokens(const RunConfig& c, Engine::Purpose purpose) {
  return purpose == Engine::Purpose::train ? c.train.batch * c.train.sequence : 1;
}

}  // namespace

MeshPosition position_on(const Mesh& mesh) {
  std::vector<MeshPosition::Axis> axes;
  for (const char* name : {"data", "memory"}) {
    const Communicator& axis = mesh.axis(name);
    axes.push_back({name, axis.rank(), axis.size()});
  }
  return MeshPosition(std::move(axes));
}

Arenas Arenas::measuring() {
  return {Arena::measuring("weights"),    Arena::measuring("grads"), Arena::measuring("optimizer"),
          Arena::measuring("statistics"), Arena::measuring("keep"),  Arena::measuring("scratch")};
}

Arenas Arenas::sized(const Arenas& m) {
  const auto like = [](const Arena& a) { return Arena(a.name(), a.peak(), a.device()); };
  return {like(m.weights),    like(m.grads), like(m.optimizer),
          like(m.statistics), like(m.keep),  like(m.scratch)};
}

std::size_t Arenas::peak() const {
  std::size_t sum = 0;
  for (const Arena* a : all()) sum += a->peak();
  return sum;
}

Engine::Engine(
    const RunConfig& config, const Mesh& mesh, Purpose purpose, Arenas arenas, int threads)
    : config_(config),
      mesh_(&mesh),
      arenas_(std::move(arenas)),
      ex_{cpu_device, arenas_.scratch, threads, &cost_},
      params_(position_on(mesh)),
      model_(ParamScope(params_), config.model, step_tokens(config, purpose), mesh),
      optimizer_(config.optimizer,
                 config.train.steps,
                 static_cast<std::uint64_t>(config.seed),
                 params_,
                 config.model.memory.pool_master) {
  if (purpose == Purpose::read_only) {
    Arena none = Arena::measuring("none");
    params_.allocate(arenas_.weights, none);
    optimizer_.allocate_keepers(arenas_.optimizer);
    return;
  }
  params_.allocate(arenas_.weights, arenas_.grads);
  optimizer_.allocate(arenas_.optimizer);
  if (has_pool()) {
    const ResolvedMemory& m = model_.memory();
    use_.emplace(ex_, model_.pool_of_layers(), m.heads, m.rows(), mesh.memory(),
                 arenas_.statistics);
  }
}

void Engine::initialise() {
  params_.initialise(ex_, static_cast<std::uint64_t>(config_.seed));
  optimizer_.initialise(ex_);
}

std::int64_t Engine::micro_batch_samples() const {
  const std::int64_t ranks = mesh_->world().size();
  return config_.train.batch / ranks / micro_batches(config_.train, ranks);
}

double Engine::run_micro_batch(const TokenBatch& batch, float scale) {
  const auto mark = arenas_.keep.mark();
  const View loss = arenas_.keep.take(DType::f32, {batch.tokens.extent(0)}, "loss");
  model_.train(ex_, params_,
               {.batch = batch, .scale = scale, .loss = loss, .use = use_ ? &*use_ : nullptr},
               arenas_.keep);
  return sum(ex_, loss);
}

Engine::Step Engine::train_step(std::int64_t step,
                                const std::vector<Batch>& micro,
                                std::int64_t targets) {
  const Scope scope("step", step);
  optimizer_.begin_step(step);
  params_.begin_step(ex_);
  const auto scale =
      static_cast<float>(1.0 / static_cast<double>(std::max<std::int64_t>(targets, 1)));
  double loss_sum = 0;
  for (const Batch& batch : micro) loss_sum += run_micro_batch(views_of(batch), scale);
  return finish_step(step, loss_sum, targets);
}

Engine::Step Engine::finish_step(std::int64_t step, double loss_sum, std::int64_t targets) {
  reduce_gradients(ex_, params_, *mesh_);
  Step result;
  result.targets = targets;
  std::array<double, 1> total{loss_sum};
  mesh_->world().all_reduce(view_of(std::span<double>(total), {1}), Reduce::sum, ex_).wait();
  result.loss = total[0] / static_cast<double>(std::max<std::int64_t>(targets, 1));
  result.clip = clip_gradients(ex_, params_, config_.optimizer, *mesh_);
  if (!ex_.measuring()) require_finite(step, result);
  optimizer_.update(ex_, step, result.clip.scale, result.clip.scale_values);
  return result;
}

void Engine::require_finite(std::int64_t step, const Step& r) const {
  require(std::isfinite(r.loss) && std::isfinite(r.clip.norm) && std::isfinite(r.clip.norm_values),
          Fault::user,
          "training diverged in step {}: loss {}, gradient norm {}, of the pool {}\n  hint: the "
          "newest checkpoint "
          "is from before; lower optimizer.lr, lengthen optimizer.schedule.warmup, or set "
          "model.memory.qk_norm: rms",
          step, r.loss, r.clip.norm, r.clip.norm_values);
}

double Engine::evaluate(std::int64_t step, const Batch& batch) {
  optimizer_.begin_step(step + 1);
  const auto mark = arenas_.scratch.mark();
  const View loss = arenas_.scratch.take(DType::f32, {batch.tokens()}, "loss");
  model_.evaluate(ex_, params_, views_of(batch), loss);
  return sum(ex_, loss);
}

TokenBatch Engine::measured_batch(std::int64_t samples) const {
  const View tokens(nullptr, DType::i32, {samples * config_.train.sequence}, cpu_device);
  return {.tokens = tokens, .targets = tokens, .positions = tokens, .first = tokens};
}

void Engine::measure() {
  require(ex_.measuring(), Fault::bug, "measuring needs measuring arenas");
  initialise();
  params_.begin_step(ex_);
  const TokenBatch batch = measured_batch(micro_batch_samples());
  const std::int64_t passes = micro_batches(config_.train, mesh_->world().size());
  for (std::int64_t m = 0; m < passes; ++m) run_micro_batch(batch, 1);
  finish_step(1, 0, 1);
  if (use_) use_->summarise(ex_, mesh_->memory(), mesh_->data());
  if (config_.checkpoint.keep.weights_every > 0) {
    for (const StateItem& item : settled_weights(0)) {
      if (item.rows) item.rows(0, View(nullptr, item.local.type(), item.local.shape(), cpu_device));
    }
  }
}

void Engine::measure_evaluation(std::int64_t samples) {
  const auto mark = arenas_.scratch.mark();
  const TokenBatch batch = measured_batch(samples);
  const View loss = arenas_.scratch.take(DType::f32, {batch.tokens.extent(0)}, "loss");
  model_.evaluate(ex_, params_, batch, loss);
  sum(ex_, loss);
}

PoolUse::Summary Engine::summarise_use() {
  require(use_.has_value(), Fault::bug, "the model has no pool");
  return use_->summarise(ex_, mesh_->memory(), mesh_->data());
}

std::vector<StateItem> Engine::state_items() const {
  std::vector<StateItem> items = params_.state_items();
  for (StateItem& item : optimizer_.state_items()) items.push_back(std::move(item));
  return items;
}

}  // namespace mneme
