#include "params/param_set.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "kernels/util/elementwise.h"

#include "base/check.h"

namespace mneme {
namespace {

constexpr std::array all_groups{Group::matrices,    Group::vectors,       Group::embedding,
                                Group::memory_keys, Group::memory_values, Group::statistics};

/// Elements of a slab: each tensor starts at a multiple of 64 bytes; the gaps are zeros that no sum
/// sees.
std::int64_t padded(std::int64_t count) {
  return round_up(count, std::int64_t{16});
}

void take_row_sums(Param& p, Arena& grads) {
  const std::int64_t rows = p.block.shape[0];
  const std::int64_t capacity = std::min(rows, p.spec.touched_rows);
  require(capacity > 0, Fault::bug, "{}: no bound on the rows that a step touches", p.spec.name);
  p.row_sums.slot_of_row = grads.take(DType::i32, {rows}, "pool.slot_of_row");
  if (p.row_sums.slot_of_row.data() != nullptr) {
    std::memset(p.row_sums.slot_of_row.data(), 0xff,
                p.row_sums.slot_of_row.bytes());  // -1: untouched
  }
  p.row_sums.count = 0;
  p.row_sums.row_of_slot = grads.take(DType::i32, {capacity}, "pool.row_of_slot");
  p.row_sums.sums = grads.take(DType::f32, {capacity, p.block.shape.row_count()}, "pool.row_sums");
}

/// One slab of the parameters' weights or gradients, cut in declaration order.
template <class Choose>
View cut_slab(std::deque<Param>& params,
              Arena& arena,
              const char* label,
              DType type,
              Choose&& chosen,
              View Param::*member) {
  std::int64_t total = 0;
  for (const Param& p : params) total += chosen(p) ? padded(p.block.shape.count()) : 0;
  if (total == 0) return {};
  const View slab = arena.take(type, {total}, label);
  std::int64_t offset = 0;
  for (Param& p : params) {
    if (!chosen(p)) continue;
    p.*member = slab.part(offset, p.block.shape);
    offset += padded(p.block.shape.count());
  }
  return slab;
}

const char* weight_label(Group g) {
  switch (g) {
    case Group::matrices:
      return "weights.matrices";
    case Group::vectors:
      return "weights.vectors";
    case Group::embedding:
      return "weights.embedding";
    case Group::memory_keys:
      return "weights.memory_keys";
    case Group::memory_values:
      return "weights.memory_values";
    case Group::statistics:
      return "weights.statistics";
  }
  return "weights";
}

const char* grad_label(Group g) {
  switch (g) {
    case Group::matrices:
      return "grads.matrices";
    case Group::vectors:
      return "grads.vectors";
    case Group::embedding:
      return "grads.embedding";
    case Group::memory_keys:
      return "grads.memory_keys";
    case Group::memory_values:
      return "grads.memory_values";
    case Group::statistics:
      break;
  }
  return "grads";
}

}  // namespace

ParamId ParamSet::declare(ParamSpec spec) {
  for (const Param& p : params_) {
    require(p.spec.name != spec.name, Fault::bug, "the parameter {} is declared twice", spec.name);
  }
  Param p;
  p.block = local_block(spec.shape, spec.place, position_);
  p.spec = std::move(spec);
  params_.push_back(std::move(p));
  return {narrow<int>(params_.size() - 1)};
}

void ParamSet::allocate(Arena& weights, Arena& grads) {
  flat_grads_.clear();
  for (const Group g : all_groups) {
    for (const DType type : {DType::f32, DType::bf16}) {
      const auto chosen = [&](const Param& p) { return p.spec.group == g && p.spec.type == type; };
      cut_slab(params_, weights, weight_label(g), type, chosen, &Param::weight);
    }
    if (g == Group::statistics) continue;
    const auto dense = [&](const Param& p) {
      return p.spec.group == g && p.spec.grad == GradKind::dense;
    };
    const View slab = cut_slab(params_, grads, grad_label(g), DType::f32, dense, &Param::grad);
    if (slab.given()) flat_grads_.emplace_back(g, slab);
  }
  for (Param& p : params_) {
    if (p.spec.grad == GradKind::sparse_rows) take_row_sums(p, grads);
  }
}

void ParamSet::begin_step(Exec& ex) {
  for (const auto& [group, slab] : flat_grads_) zero(ex, slab);
  for (Param& p : params_) {
    if (p.spec.grad == GradKind::sparse_rows) row_sums_clear(ex, p.row_sums);
  }
}

View ParamSet::flat_grad(Group group) const {
  for (const auto& [g, slab] : flat_grads_) {
    if (g == group) return slab;
  }
  return {};
}

std::int64_t ParamSet::count() const {
  std::int64_t n = 0;
  for (const Param& p : params_) n += p.is_trained() ? p.spec.shape.count() : 0;
  return n;
}

std::int64_t ParamSet::count(Group group) const {
  std::int64_t n = 0;
  for (const Param& p : params_) n += p.spec.group == group ? p.spec.shape.count() : 0;
  return n;
}

std::vector<StateItem> ParamSet::state_items() const {
  std::vector<StateItem> items;
  items.reserve(params_.size());
  for (const Param& p : params_)
    items.push_back({p.spec.name, p.spec.shape, p.spec.place, p.weight});
  return items;
}

ParamScope ParamScope::in(std::string_view name) const {
  return ParamScope(*set_, fmt::format("{}{}.", prefix_, name));
}

ParamScope ParamScope::in(std::string_view name, std::int64_t index) const {
  return ParamScope(*set_, fmt::format("{}{}.{}.", prefix_, name, index));
}

ParamId ParamScope::declare(ParamSpec spec) const {
  spec.name = prefix_ + spec.name;
  return set_->declare(std::move(spec));
}

}  // namespace mneme
