#include "nn/product_key.h"

#include <cmath>

#include "kernels/blas/matmul.h"
#include "kernels/memory/pk_lookup.h"
#include "kernels/norm/rmsnorm.h"
#include "kernels/norm/standardize.h"
#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {
namespace {

int part_count(const ResolvedMemory& m) {
  return m.keys == KeyKind::product ? 2 : 1;
}

std::int64_t part_width(const ResolvedMemory& m) {
  return m.keys == KeyKind::product ? m.half_width() : m.key_width;
}

Init key_init(const ResolvedMemory& m) {
  if (m.qk_norm == QkNorm::rms) return Normal{1};
  return Uniform{1.0 / std::sqrt(static_cast<double>(m.key_width))};
}

std::string numbered(const char* name, const ResolvedMemory& m, int part) {
  return m.keys == KeyKind::product ? name + std::to_string(part + 1) : name;
}

ParamSpec gain(const ResolvedMemory& m, int part, const char* name) {
  return {.name = numbered(name, m, part),
          .shape = {part_width(m)},
          .init = Constant{1},
          .group = Group::vectors};
}

}  // namespace

KeySet::KeySet(const ParamScope& scope, const ResolvedMemory& m)
    : heads_(m.heads),
      count_(m.keys == KeyKind::product ? m.half_keys : m.rows()),
      width_(part_width(m)),
      eps_(m.norm_eps) {
  for (int p = 0; p < part_count(m); ++p) {
    keys_.push_back(scope.declare({.name = numbered("keys", m, p),
                                   .shape = {heads_, count_, width_},
                                   .init = key_init(m),
                                   .group = Group::memory_keys}));
  }
  if (m.qk_norm == QkNorm::none) return;
  for (int p = 0; p < part_count(m); ++p) {
    gains_.push_back(scope.declare(gain(m, p, "key_norm")));
  }
}

KeySet::Read KeySet::read(Exec& ex, const ParamSet& ps, int part) const {
  const ConstView keys = ps[keys_[size_of(part)]].weight;
  if (!is_normalised()) return {keys, {}};
  const View normalised = ex.scratch.take(DType::f32, keys.shape(), "lookup.keys");
  const View rstd = ex.scratch.take(DType::f32, {heads_ * count_}, "lookup.keys_rstd");
  rmsnorm_forward(ex, {.x = keys.as({heads_ * count_, width_}),
                       .weight = ps[gains_[size_of(part)]].weight,
                       .y = normalised.as({heads_ * count_, width_}),
                       .rstd = rstd,
                       .eps = eps_});
  return {normalised, rstd};
}

View KeySet::grad(Exec& ex, ParamSet& ps, int part) const {
  Param& keys = ps[keys_[size_of(part)]];
  if (!is_normalised()) return keys.grad;
  const View grad = ex.scratch.take(DType::f32, keys.weight.shape(), "lookup.dkeys");
  zero(ex, grad);
  return grad;
}

void KeySet::backward(Exec& ex, ParamSet& ps, int part, const Read& read, ConstView grad) const {
  if (!is_normalised()) return;
  Param& keys = ps[keys_[size_of(part)]];
  Param& gains = ps[gains_[size_of(part)]];
  const Shape flat{heads_ * count_, width_};
  rmsnorm_backward(ex, {.dy = grad.as(flat),
                        .x = keys.weight.as(flat),
                        .weight = gains.weight,
                        .rstd = read.rstd,
                        .dx = keys.grad.as(flat),
                        .dweight = gains.grad,
                        .accumulate_dx = true});
}

KeyLookup::KeyLookup(const ParamScope& scope,
                     const ResolvedMemory& m,
                     const KeySet& keys,
                     Communicator& world)
    : memory_(m),
      keys_(keys),
      weight_(scope.declare({.name = "query.weight",
                             .shape = {m.heads * m.key_width, m.channels},
                             .init = xavier_uniform(m.channels, m.heads * m.key_width)})),
      bias_(scope.declare({.name = "query.bias",
                           .shape = {m.heads * m.key_width},
                           .init = Constant{0},
                           .group = Group::vectors})) {
  for (int p = 0; p < part_count(m); ++p) {
    if (m.qk_norm == QkNorm::rms) gains_.push_back(scope.declare(gain(m, p, "query_norm")));
    if (m.query_norm == QueryNorm::batch) {
      batch_norms_.emplace_back(scope.in(numbered("query_batch_norm", m, p)),
                                m.heads * part_width(m), m.norm_eps, world);
    }
  }
}

float KeyLookup::scale() const {
  if (memory_.qk_norm == QkNorm::none) return 1;
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(keys_.width())));
}

KeyLookup::Part KeyLookup::make_query(
    Exec& ex, ParamSet& ps, Mode mode, int part, ConstView x, Arena& keep) const {
  const std::int64_t features = memory_.heads * keys_.width();
  const Shape by_token{x.extent(0), features};
  const Shape by_head{x.extent(0) * memory_.heads, keys_.width()};
  Part s;
  s.raw = keep.take(DType::f32, by_head, "lookup.query");
  matmul(ex, {.a = x,
              .b = ps[weight_].weight.rows(part * features, (part + 1) * features),
              .c = s.raw.as(by_token),
              .transpose_b = true,
              .bias = ps[bias_].weight.rows(part * features, (part + 1) * features)});
  if (memory_.query_norm == QueryNorm::layer) {
    s.layer_rstd = keep.take(DType::f32, {by_head[0]}, "lookup.query_layer_rstd");
    layernorm_forward(ex, {.x = s.raw, .y = s.raw, .rstd = s.layer_rstd, .eps = memory_.norm_eps});
  } else if (memory_.query_norm == QueryNorm::batch) {
    s.batch = batch_norms_[size_of(part)].forward(ex, ps, mode, s.raw.as(by_token), keep);
    s.raw = s.batch->y.as(by_head);
  }
  s.q = s.raw;
  if (gains_.empty()) return s;
  s.q = keep.take(DType::f32, by_head, "lookup.query_normalised");
  s.rstd = keep.take(DType::f32, {by_head[0]}, "lookup.query_rstd");
  rmsnorm_forward(ex, {.x = s.raw,
                       .weight = ps[gains_[size_of(part)]].weight,
                       .y = s.q,
                       .rstd = s.rstd,
                       .eps = memory_.norm_eps});
  return s;
}

void KeyLookup::look_up(Exec& ex, const ParamSet& ps, const Saved& s, View scores) const {
  const auto mark = ex.scratch.mark();
  const Shape q{s.x.extent(0), memory_.heads, keys_.width()};
  const KeySet::Read first = keys_.read(ex, ps, 0);
  if (memory_.keys == KeyKind::flat) {
    flat_lookup_forward(ex, {.q = s.parts[0].q.as(q),
                             .keys = first.keys,
                             .scale = scale(),
                             .rows = s.rows,
                             .scores = scores});
    return;
  }
  const KeySet::Read second = keys_.read(ex, ps, 1);
  pk_lookup_forward(ex, {.q1 = s.parts[0].q.as(q),
                         .q2 = s.parts[1].q.as(q),
                         .keys1 = first.keys,
                         .keys2 = second.keys,
                         .scale = scale(),
                         .rows = s.rows,
                         .scores = scores});
}

KeyLookup::Saved KeyLookup::forward(
    Exec& ex, ParamSet& ps, Mode mode, ConstView x, Arena& keep) const {
  const Scope scope("lookup");
  const Shape slots{x.extent(0), memory_.heads, memory_.top_k};
  Saved s;
  s.x = x;
  s.rows = keep.take(DType::i32, slots, "lookup.rows");
  s.weights = keep.take(DType::f32, slots, "lookup.weights");
  for (int p = 0; p < keys_.parts(); ++p) {
    s.parts[size_of(p)] = make_query(ex, ps, mode, p, x, keep);
  }
  look_up(ex, ps, s, s.weights);
  slot_softmax_forward(ex, {.scores = s.weights, .weights = s.weights});
  return s;
}

void KeyLookup::query_backward(
    Exec& ex, ParamSet& ps, int part, const Saved& saved, View dq, View dx) const {
  const Part& s = saved.parts[size_of(part)];
  const std::int64_t features = memory_.heads * keys_.width();
  const Shape by_token{saved.x.extent(0), features};
  const Shape by_head = s.raw.shape();
  if (!gains_.empty()) {
    Param& gains = ps[gains_[size_of(part)]];
    rmsnorm_backward(ex, {.dy = dq.as(by_head),
                          .x = s.raw,
                          .weight = gains.weight,
                          .rstd = s.rstd,
                          .dx = dq.as(by_head),
                          .dweight = gains.grad});
  }
  if (memory_.query_norm == QueryNorm::layer) {
    layernorm_backward(
        ex, {.dy = dq.as(by_head), .y = s.raw, .rstd = s.layer_rstd, .dx = dq.as(by_head)});
  } else if (memory_.query_norm == QueryNorm::batch) {
    batch_norms_[size_of(part)].backward(ex, *s.batch, dq.as(by_token), dq.as(by_token));
  }
  const std::int64_t first = part * features;
  matmul(ex, {.a = dq.as(by_token),
              .b = saved.x,
              .c = ps[weight_].grad.rows(first, first + features),
              .transpose_a = true,
              .accumulate = true});
  column_sum(ex, {.x = dq.as(by_token), .out = ps[bias_].grad.rows(first, first + features)});
  matmul(ex, {.a = dq.as(by_token),
              .b = ps[weight_].weight.rows(first, first + features),
              .c = dx,
              .accumulate = true});
}

void KeyLookup::backward(
    Exec& ex, ParamSet& ps, const Saved& s, ConstView dweights, View dx) const {
  const Scope scope("lookup_backward");
  const auto mark = ex.scratch.mark();
  const Shape q{s.x.extent(0), memory_.heads, keys_.width()};
  const View dscores = ex.scratch.take(DType::f32, dweights.shape(), "lookup.dscores");
  slot_softmax_backward(ex, {.weights = s.weights, .dweights = dweights, .dscores = dscores});
  const View dq1 = ex.scratch.take(DType::f32, q, "lookup.dquery");
  const KeySet::Read first = keys_.read(ex, ps, 0);
  const View dkeys1 = keys_.grad(ex, ps, 0);
  if (memory_.keys == KeyKind::flat) {
    flat_lookup_backward(ex, {.dscores = dscores,
                              .rows = s.rows,
                              .q = s.parts[0].q.as(q),
                              .keys = first.keys,
                              .scale = scale(),
                              .dq = dq1,
                              .dkeys = dkeys1});
  } else {
    const View dq2 = ex.scratch.take(DType::f32, q, "lookup.dquery");
    const KeySet::Read second = keys_.read(ex, ps, 1);
    const View dkeys2 = keys_.grad(ex, ps, 1);
    pk_lookup_backward(ex, {.dscores = dscores,
                            .rows = s.rows,
                            .q1 = s.parts[0].q.as(q),
                            .q2 = s.parts[1].q.as(q),
                            .keys1 = first.keys,
                            .keys2 = second.keys,
                            .scale = scale(),
                            .dq1 = dq1,
                            .dq2 = dq2,
                            .dkeys1 = dkeys1,
                            .dkeys2 = dkeys2});
    keys_.backward(ex, ps, 1, second, dkeys2);
    query_backward(ex, ps, 1, s, dq2, dx);
  }
  keys_.backward(ex, ps, 0, first, dkeys1);
  query_backward(ex, ps, 0, s, dq1, dx);
}

}  // namespace mneme
