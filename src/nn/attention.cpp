#include "nn/attention.h"

#include <cmath>
#include <cstring>

#include "kernels/attention/attention.h"
#include "kernels/rope/rope.h"

#include "base/scope.h"

namespace mneme {
namespace {

TruncatedNormal fan_in(std::int64_t n) {
  return {1.0 / std::sqrt(static_cast<double>(n)), 3.0};
}

float score_scale(const AttentionShape& s) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(s.head_width)));
}

}  // namespace

Attention::Attention(const ParamScope& scope, const AttentionShape& shape)
    : shape_(shape),
      qkv_(scope.in("qkv"),
           {.in = shape.channels,
            .out = shape.qkv_heads() * shape.head_width,
            .init = fan_in(shape.channels)}),
      out_(scope.in("out"),
           {.in = shape.heads * shape.head_width,
            .out = shape.channels,
            .init = fan_in(shape.channels)}) {}

Attention::Saved Attention::forward(
    Exec& ex, const ParamSet& ps, const Pass& pass, ConstView x, View h, Arena& keep) const {
  const Scope scope("attention");
  const std::int64_t tokens = x.extent(0);
  const std::int64_t w = shape_.head_width;
  const Saved s{.x = x,
                .qkv = keep.take(DType::f32, {tokens, shape_.qkv_heads(), w}, "attention.qkv"),
                .out = keep.take(DType::f32, {tokens, shape_.heads, w}, "attention.out"),
                .lse = keep.take(DType::f32, {tokens, shape_.heads}, "attention.lse")};
  qkv_.forward(ex, ps, x, s.qkv.as({tokens, shape_.qkv_heads() * w}));
  rope(ex, {.x = s.qkv,
            .positions = pass.positions,
            .rotated = narrow<int>(shape_.heads + shape_.kv_heads),
            .theta = shape_.rope_theta});
  attention_forward(ex, {.qkv = s.qkv,
                         .first = pass.first,
                         .out = s.out,
                         .lse = s.lse,
                         .query_heads = narrow<int>(shape_.heads),
                         .kv_heads = narrow<int>(shape_.kv_heads),
                         .scale = score_scale(shape_)});
  out_.forward(ex, ps, s.out.as({tokens, shape_.heads * w}), h, /*accumulate=*/true);
  return s;
}

void Attention::backward(
    Exec& ex, ParamSet& ps, const Pass& pass, const Saved& s, ConstView dh, View dx) const {
  const Scope scope("attention_backward");
  const auto mark = ex.scratch.mark();
  const std::int64_t tokens = dh.extent(0);
  const std::int64_t w = shape_.head_width;
  const View dout = ex.scratch.take(DType::f32, s.out.shape(), "attention.dout");
  const View dqkv = ex.scratch.take(DType::f32, s.qkv.shape(), "attention.dqkv");
  out_.backward(ex, ps, s.out.as({tokens, shape_.heads * w}), dh,
                dout.as({tokens, shape_.heads * w}));
  attention_backward(ex, {.dout = dout,
                          .qkv = s.qkv,
                          .first = pass.first,
                          .out = s.out,
                          .lse = s.lse,
                          .dqkv = dqkv,
                          .query_heads = narrow<int>(shape_.heads),
                          .kv_heads = narrow<int>(shape_.kv_heads),
                          .scale = score_scale(shape_)});
  rope(ex, {.x = dqkv,
            .positions = pass.positions,
            .rotated = narrow<int>(shape_.heads + shape_.kv_heads),
            .theta = shape_.rope_theta,
            .inverse = true});
  qkv_.backward(ex, ps, s.x, dqkv.as({tokens, shape_.qkv_heads() * w}), dx);
}

void Attention::forward_cached(Exec& ex,
                               const ParamSet& ps,
                               const CachedPass& pass,
                               ConstView x,
                               View h,
                               const Cache& cache) const {
  const Scope scope("attention_cached");
  const auto mark = ex.scratch.mark();
  const std::int64_t n = x.extent(0);
  const std::int64_t w = shape_.head_width;
  const View qkv = ex.scratch.take(DType::f32, {n, shape_.qkv_heads(), w}, "attention.qkv");
  const View q = ex.scratch.take(DType::f32, {n, shape_.heads, w}, "attention.q");
  const View out = ex.scratch.take(DType::f32, {n, shape_.heads, w}, "attention.out");
  qkv_.forward(ex, ps, x, qkv.as({n, shape_.qkv_heads() * w}));
  rope(ex, {.x = qkv,
            .positions = pass.positions,
            .rotated = narrow<int>(shape_.heads + shape_.kv_heads),
            .theta = shape_.rope_theta});
  if (!ex.measuring()) {
    const auto cache_of = pass.cache_of.span<const std::int32_t>();
    const auto length = pass.length.span<const std::int32_t>();
    const std::size_t kv = byte_count(DType::f32, {shape_.kv_heads, w});
    const std::size_t all = byte_count(DType::f32, {shape_.qkv_heads(), w});
    const std::size_t query = byte_count(DType::f32, {shape_.heads, w});
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = size_of(i);
      const std::byte* row = qkv.data() + at * all;
      const std::int64_t slot = cache_of[at] * cache.keys.extent(1) + length[at] - 1;
      std::memcpy(q.data() + at * query, row, query);
      std::memcpy(cache.keys.data() + size_of(slot) * kv, row + query, kv);
      std::memcpy(cache.values.data() + size_of(slot) * kv, row + query + kv, kv);
    }
  }
  attention_cached(ex, {.q = q,
                        .keys = cache.keys,
                        .values = cache.values,
                        .cache_of = pass.cache_of,
                        .length = pass.length,
                        .out = out,
                        .scale = score_scale(shape_)});
  out_.forward(ex, ps, out.as({n, shape_.heads * w}), h, /*accumulate=*/true);
}

}  // namespace mneme
