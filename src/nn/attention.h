#pragma once

#include "nn/linear.h"
#include "nn/pass.h"

namespace mneme {

/// Shape of grouped-query attention with rotary positions.
struct AttentionShape {
  std::int64_t channels = 0;
  std::int64_t heads = 0;       // query heads
  std::int64_t kv_heads = 0;    // divides heads
  std::int64_t head_width = 0;  // even
  double rope_theta = 10000;
  std::int64_t qkv_heads() const { return heads + 2 * kv_heads; }
};

/// h += Wo attention(rope(Wqkv x)): causal inside documents. Wqkv's rows are queries, keys, values.
class Attention {
 public:
  struct Saved {
    ConstView x;  // (T, C)
    View qkv;     // (T, heads + 2*kv_heads, w), turned
    View out;     // (T, heads, w)
    View lse;     // (T, heads)
  };
  Attention(const ParamScope& scope, const AttentionShape& shape);
  /// x (T, C) f32 normalised input; h (T, C) f32 is added to.
  Saved forward(
      Exec& ex, const ParamSet& ps, const Pass& pass, ConstView x, View h, Arena& keep) const;
  /// dh (T, C): gradient of h; dx (T, C) overwritten.
  void backward(
      Exec& ex, ParamSet& ps, const Pass& pass, const Saved& saved, ConstView dh, View dx) const;

  /// Generation: x (n, C) new tokens; keys and values of the new tokens are written at
  /// (cache_of[i], length[i]-1) of caches (B, capacity, kv_heads, w) and h (n, C) is added to.
  struct Cache {
    View keys;
    View values;
  };
  struct CachedPass {
    ConstView positions;  // (n) i32
    ConstView cache_of;   // (n) i32
    ConstView length;     // (n) i32: tokens in the cache with this one
  };
  void forward_cached(Exec& ex,
                      const ParamSet& ps,
                      const CachedPass& pass,
                      ConstView x,
                      View h,
                      const Cache& cache) const;
  const AttentionShape& shape() const { return shape_; }

 private:
  AttentionShape shape_;
  Linear qkv_;
  Linear out_;
};

}  // namespace mneme
