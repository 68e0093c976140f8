#include "optim/pool_keeper.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {

PoolKeeper::PoolKeeper(const OptimizerConfig& config,
                       std::int64_t steps,
                       std::uint64_t seed,
                       ParamId pool)
    : config_(config), steps_(steps), seed_(seed), pool_(pool) {}

void PoolKeeper::allocate(const ParamSet& ps, bool master, Arena& optimizer) {
  const Param& p = ps[pool_];
  const Shape shape = p.block.shape;
  state_.values = p.weight;
  state_.m = optimizer.take(DType::f32, shape, "optimizer.pool_m");
  state_.v = optimizer.take(DType::f32, shape, "optimizer.pool_v");
  if (is_exact()) state_.last = optimizer.take(DType::i32, {shape[0]}, "optimizer.pool_last");
  if (master && p.spec.type == DType::bf16) {
    state_.master = optimizer.take(DType::f32, shape, "optimizer.pool_master");
  }
  state_.seed = seed_;
  state_.global_width = p.spec.shape[1];
  state_.first_column = p.block.range.first;
}

void PoolKeeper::initialise(Exec& ex) {
  zero(ex, state_.m);
  zero(ex, state_.v);
  if (state_.last.given()) zero(ex, state_.last);
  if (state_.master.given()) cast(ex, state_.values, state_.master);
}

void PoolKeeper::begin_step(std::int64_t step) {
  while (static_cast<std::int64_t>(lr_.size()) <= step) {
    const AdamWStep s =
        adamw_step(config_, Group::memory_values, static_cast<std::int64_t>(lr_.size()), steps_);
    lr_.push_back(s.lr);
    log_decay_.push_back(log_decay_.back() + std::log1p(-s.lr * s.weight_decay));
  }
  ready_ = step - 1;
}

PoolHistory PoolKeeper::history() const {
  const AdamWStep s = adamw_step(config_, Group::memory_values, 1, steps_);
  return {.lr = lr_,
          .log_decay = log_decay_,
          .weight_decay = s.weight_decay,
          .beta1 = s.beta1,
          .beta2 = s.beta2,
          .eps = s.eps};
}

void PoolKeeper::catch_up(Exec& ex, ConstView rows) {
  if (!is_exact()) return;
  pool_catch_up(ex, {.state = &state_, .rows = rows, .history = history(), .to = ready_});
}

RowPatch PoolKeeper::patch(Exec& ex, ConstView rows, Arena& keep) const {
  if (!is_exact()) return {};
  const std::int64_t capacity = std::min(rows.count(), state_.values.extent(0));
  const View of_read = keep.take(DType::i32, rows.shape(), "pool.patch_of_read");
  const View copies = keep.take(DType::f32, {capacity, state_.values.extent(1)}, "pool.patch");
  pool_patch(ex, {.state = &state_,
                  .rows = rows,
                  .history = history(),
                  .to = ready_,
                  .patch = copies,
                  .patch_of_read = of_read});
  return {copies, of_read};
}

void PoolKeeper::update(Exec& ex, const RowSums& sums, std::int64_t step, double grad_scale) {
  const Scope scope("pool_update");
  AdamWStep s = adamw_step(config_, Group::memory_values, step, steps_);
  s.grad_scale = grad_scale;
  pool_update(ex, {.state = &state_,
                   .sums = &sums,
                   .mode = config_.pool_update,
                   .step = s,
                   .history = history()});
}

void PoolKeeper::settle(Exec& ex, std::int64_t step) {
  if (!is_exact() || ex.measuring()) return;
  begin_step(step + 1);
  constexpr std::int64_t tile = 1 << 16;
  std::vector<std::int32_t> rows(size_of(tile));
  const std::int64_t count = state_.values.extent(0);
  for (std::int64_t first = 0; first < count; first += tile) {
    const std::int64_t n = std::min(tile, count - first);
    std::iota(rows.begin(), rows.begin() + n, narrow<std::int32_t>(first));
    catch_up(ex, view_of(std::span<const std::int32_t>(rows).first(size_of(n)), {n}));
  }
}

/// Whether steps 1 .. step, which both know, were the same for rows that nobody read.
bool PoolKeeper::replays_as(const PoolKeeper& other, std::int64_t step) const {
  const PoolHistory a = history();
  const PoolHistory b = other.history();
  const auto known = [&](std::span<const double> x) { return x.first(size_of(step + 1)); };
  return a.beta1 == b.beta1 && a.beta2 == b.beta2 && a.eps == b.eps &&
         std::ranges::equal(known(a.lr), known(b.lr)) &&
         std::ranges::equal(known(a.log_decay), known(b.log_decay));
}

bool PoolKeeper::settle_debt(Exec& ex,
                             const OptimizerConfig& saved,
                             std::int64_t steps,
                             std::int64_t step) {
  if (!is_exact()) return false;
  PoolKeeper before(saved, steps, seed_, pool_);
  before.state_ = state_;
  before.begin_step(step + 1);
  begin_step(step + 1);
  if (replays_as(before, step)) return false;
  before.settle(ex, step);
  return true;
}

void PoolKeeper::settled_rows(Exec& ex, std::int64_t first, const View& out) const {
  constexpr std::int64_t tile = 4096;
  for (std::int64_t begin = 0; begin < out.extent(0); begin += tile) {
    const auto mark = ex.scratch.mark();
    const std::int64_t count = std::min(tile, out.extent(0) - begin);
    const auto copied = [&](const View& whole) {
      const View part =
          ex.scratch.take(whole.type(), whole.shape().with(0, count), "optimizer.settling");
      copy(ex, whole.rows(first + begin, first + begin + count), part);
      return part;
    };
    PoolState part = state_;  // rows of it, which round as they do in their place
    part.values = out.rows(begin, begin + count);
    copy(ex, state_.values.rows(first + begin, first + begin + count), part.values);
    if (state_.master.given()) part.master = copied(state_.master);
    part.m = copied(state_.m);
    part.v = copied(state_.v);
    part.last = copied(state_.last);
    part.first_row = first + begin;
    std::vector<std::int32_t> rows(size_of(count));
    std::iota(rows.begin(), rows.end(), 0);
    pool_catch_up(ex, {.state = &part,
                       .rows = view_of(std::span<const std::int32_t>(rows), {count}),
                       .history = history(),
                       .to = ready_});
  }
}

std::vector<StateItem> PoolKeeper::state_items(const ParamSet& ps) const {
  const ParamSpec& spec = ps[pool_].spec;
  std::vector<StateItem> items{{"optimizer.m." + spec.name, spec.shape, spec.place, state_.m},
                               {"optimizer.v." + spec.name, spec.shape, spec.place, state_.v}};
  if (state_.master.given()) {
    items.push_back({"optimizer.master." + spec.name, spec.shape, spec.place, state_.master});
  }
  if (state_.last.given()) {
    items.push_back({"optimizer.last." + spec.name, {spec.shape[0]}, Replicated{}, state_.last});
  }
  return items;
}

}  // namespace mneme
