#include "nn/memory_layer.h"

#include <cmath>

#include "kernels/act/silu_gate.h"
#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {
namespace {

Linear::Options with_bias(std::int64_t in, std::int64_t out, double std) {
  return {.in = in, .out = out, .init = Normal{std}, .bias = true};
}

double root(std::int64_t n) {
  return 1.0 / std::sqrt(static_cast<double>(n));
}

}  // namespace

MemoryLayer::MemoryLayer(const ParamScope& scope,
                         const ResolvedMemory& m,
                         const ValuePool& pool,
                         const KeySet& keys,
                         Communicator& world,
                         std::int64_t ordinal)
    : memory_(m), ordinal_(ordinal), pool_(pool), lookup_(scope, m, keys, world) {
  const std::int64_t c = m.channels;
  const std::int64_t w = m.value_width;
  if (m.gate == Gate::silu) {
    w1_.emplace(scope.in("w1"), with_bias(c, w, root(c)));
    w2_.emplace(scope.in("w2"), with_bias(w, c, root(c)));
    return;
  }
  if (w != c) project_.emplace(scope.in("project"), with_bias(w, c, root(w)));
  if (m.gate == Gate::sigmoid) {
    gate_.emplace(scope.in("gate"),
                  Linear::Options{.in = c, .out = 1, .init = Constant{0}, .bias = true});
  }
}

ConstView MemoryLayer::project(Exec& ex, const ParamSet& ps, ConstView y, View out) const {
  if (!project_) return y;
  project_->forward(ex, ps, y, out);
  return out;
}

MemoryLayer::Saved MemoryLayer::forward(
    Exec& ex, ParamSet& ps, const Pass& pass, ConstView x, View h, Arena& keep) const {
  const Scope scope("memory");
  const std::int64_t tokens = x.extent(0);
  const Shape slots{tokens, memory_.reads()};
  const Shape wide{tokens, memory_.value_width};
  Saved s;
  s.x = x;
  s.lookup = lookup_.forward(ex, ps, pass.mode, x, keep);
  s.y = keep.take(DType::f32, wide, "memory.read");
  pool_.read(ex, ps, pass, s.lookup.rows.as(slots), s.lookup.weights.as(slots), s.y, ordinal_);
  if (w1_) s.u = keep.take(DType::f32, wide, "memory.gate");
  if (gate_) s.g = keep.take(DType::f32, {tokens}, "memory.gate");
  if (gate_ && project_) s.p = keep.take(DType::f32, x.shape(), "memory.projected");
  const auto mark = ex.scratch.mark();
  const View out = ex.scratch.take(DType::f32, x.shape(), "memory.out");
  if (w1_) {
    const View z = ex.scratch.take(DType::f32, wide, "memory.gated");
    w1_->forward(ex, ps, x, s.u);
    silu_gate_forward(ex, {.y = s.y, .u = s.u, .z = z});
    w2_->forward(ex, ps, z, out);
    add_to(ex, out, h);
  } else if (gate_) {
    gate_->forward(ex, ps, x, s.g.as({tokens, 1}));
    sigmoid_gate_forward(ex, {.y = project(ex, ps, s.y, s.p), .g = s.g, .out = out});
    add_to(ex, out, h);
  } else {
    add_to(ex, project(ex, ps, s.y, out), h);
  }
  return s;
}

/// From dh to dy (T, W) in ex.scratch; what flows through the gate is added to dx.
View MemoryLayer::gate_backward(
    Exec& ex, ParamSet& ps, const Saved& s, ConstView dh, View dx) const {
  const View dy = ex.scratch.take(DType::f32, s.y.shape(), "memory.dread");
  if (w1_) {
    const auto mark = ex.scratch.mark();
    const View z = ex.scratch.take(DType::f32, s.y.shape(), "memory.gated");
    silu_gate_forward(ex, {.y = s.y, .u = s.u, .z = z});
    w2_->backward(ex, ps, z, dh, dy);
    silu_gate_backward(ex, {.dz = dy, .y = s.y, .u = s.u, .dy = dy, .du = z});
    w1_->backward(ex, ps, s.x, z, dx, /*accumulate=*/true);
    return dy;
  }
  ConstView dout = dh;
  const auto mark = ex.scratch.mark();
  if (gate_) {
    const View d = ex.scratch.take(DType::f32, dh.shape(), "memory.dprojected");
    const View dg = ex.scratch.take(DType::f32, s.g.shape(), "memory.dgate");
    const ConstView read = project_ ? ConstView(s.p) : ConstView(s.y);
    sigmoid_gate_backward(ex, {.dout = dh, .y = read, .g = s.g, .dy = d, .dg = dg});
    gate_->backward(ex, ps, s.x, dg.as({dg.count(), 1}), dx, /*accumulate=*/true);
    dout = d;
  }
  if (project_) {
    project_->backward(ex, ps, s.y, dout, dy);
  } else {
    copy(ex, dout, dy);
  }
  return dy;
}

void MemoryLayer::backward(
    Exec& ex, ParamSet& ps, const Saved& s, ConstView dh, View dx, bool accumulate) const {
  const Scope scope("memory_backward");
  const auto mark = ex.scratch.mark();
  const Shape slots{s.x.extent(0), memory_.reads()};
  if (!accumulate) zero(ex, dx);
  const View dy = gate_backward(ex, ps, s, dh, dx);
  const View dweights = ex.scratch.take(DType::f32, s.lookup.weights.shape(), "memory.dweights");
  pool_.backward(ex, ps, s.lookup.rows.as(slots), s.lookup.weights.as(slots), dy,
                 dweights.as(slots));
  lookup_.backward(ex, ps, s.lookup, dweights, dx);
}

}  // namespace mneme
