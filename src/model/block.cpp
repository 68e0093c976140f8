#include "model/block.h"

#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {

Block::Block(const ParamScope& scope, const Options& o)
    : norm1_(scope.in("attention_norm"), o.channels, o.norm_eps),
      attention_(scope.in("attention"), o.attention),
      norm2_(scope.in("ffn_norm"), o.channels, o.norm_eps) {
  if (o.has_ffn) ffn_.emplace(scope.in("ffn"), o.channels, o.ffn_hidden);
}

Block::Saved Block::forward(
    Exec& ex, ParamSet& ps, const Pass& pass, ConstView h_in, View h_out, Arena& keep) const {
  const Shape shape = h_in.shape();
  const Shape tokens{shape[0]};
  Saved s;
  s.h_in = h_in;
  s.h_mid = keep.take(DType::f32, shape, "block.h_mid");
  s.normed1 = keep.take(DType::f32, shape, "block.normed");
  s.rstd1 = keep.take(DType::f32, tokens, "block.rstd");
  norm1_.forward(ex, ps, h_in, s.normed1, s.rstd1);
  copy(ex, h_in, s.h_mid);
  s.attention = attention_.forward(ex, ps, pass, s.normed1, s.h_mid, keep);
  s.normed2 = keep.take(DType::f32, shape, "block.normed");
  s.rstd2 = keep.take(DType::f32, tokens, "block.rstd");
  norm2_.forward(ex, ps, s.h_mid, s.normed2, s.rstd2);
  copy(ex, s.h_mid, h_out);
  if (ffn_) s.ffn = ffn_->forward(ex, ps, s.normed2, h_out, keep);
  if (memory_) s.memory = memory_->forward(ex, ps, pass, s.normed2, h_out, keep);
  return s;
}

void Block::backward(Exec& ex, ParamSet& ps, const Pass& pass, const Saved& s, View dh) const {
  const auto mark = ex.scratch.mark();
  const View dx = ex.scratch.take(DType::f32, dh.shape(), "block.dnormed");
  if (ffn_) ffn_->backward(ex, ps, *s.ffn, dh, dx);
  if (memory_) memory_->backward(ex, ps, *s.memory, dh, dx, /*accumulate=*/ffn_.has_value());
  norm2_.backward(ex, ps, dx, s.h_mid, s.rstd2, dh, /*accumulate=*/true);
  attention_.backward(ex, ps, pass, s.attention, dh, dx);
  norm1_.backward(ex, ps, dx, s.h_in, s.rstd1, dh, /*accumulate=*/true);
}

void Block::forward_cached(Exec& ex,
                           ParamSet& ps,
                           const Attention::CachedPass& pass,
                           View h,
                           const Attention::Cache& cache) const {
  const auto mark = ex.scratch.mark();
  const View normed = ex.scratch.take(DType::f32, h.shape(), "block.normed");
  const View rstd = ex.scratch.take(DType::f32, {h.extent(0)}, "block.rstd");
  norm1_.forward(ex, ps, h, normed, rstd);
  attention_.forward_cached(ex, ps, pass, normed, h, cache);
  norm2_.forward(ex, ps, h, normed, rstd);
  if (ffn_) ffn_->forward(ex, ps, normed, h, ex.scratch);
  if (memory_) {
    const Pass evaluate{.positions = {}, .first = {}, .mode = Mode::evaluate};
    memory_->forward(ex, ps, evaluate, normed, h, ex.scratch);
  }
}

}  // namespace mneme
