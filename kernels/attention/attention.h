#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// Causal attention inside documents, grouped queries, online softmax; no (T, T) matrix exists.
///   out[t,h,:] = sum_s p[t,s] * v[s,g,:],  p = softmax over s in [first[t], t] of scale *
///   q[t,h].k[s,g], g = h / (query_heads / kv_heads)
///
///   qkv holds, per token, query_heads queries, kv_heads keys, kv_heads values of width w, turned
///   already. first[t] <= t does not decrease with t. Deterministic for any number of threads.
struct AttentionForward {
  ConstView qkv;    // (T, query_heads + 2*kv_heads, w) f32
  ConstView first;  // (T) i32: the first token that t may look at
  View out;         // (T, query_heads, w) f32
  View lse;         // (T, query_heads) f32: log of the sum of exponentials, kept for backward
  int query_heads = 0;
  int kv_heads = 0;  // divides query_heads
  float scale = 0;   // usually w^-1/2
  void validate() const;
};
void attention_forward(Exec& ex, const AttentionForward& a);

/// With D[t,h] = sum_w dout*out, p from lse:  dv += p' dout;  ds = p*(dout.v - D);  dq = scale*ds
/// k; dk = scale*ds' q; keys and values sum over the query heads of their group in head order.
struct AttentionBackward {
  ConstView dout;   // (T, query_heads, w) f32
  ConstView qkv;    // as in forward
  ConstView first;  // (T) i32
  ConstView out;    // (T, query_heads, w) f32
  ConstView lse;    // (T, query_heads) f32
  View dqkv;        // (T, query_heads + 2*kv_heads, w) f32, overwritten
  int query_heads = 0;
  int kv_heads = 0;
  float scale = 0;
  void validate() const;
};
void attention_backward(Exec& ex, const AttentionBackward& a);

/// Attention of n new queries over caches, for generation: query i looks at the first length[i]
/// keys of cache number cache_of[i].
struct AttentionCached {
  ConstView q;         // (n, query_heads, w) f32, turned
  ConstView keys;      // (B, capacity, kv_heads, w) f32, turned
  ConstView values;    // (B, capacity, kv_heads, w) f32
  ConstView cache_of;  // (n) i32 in [0, B)
  ConstView length;    // (n) i32 in [1, capacity]
  View out;            // (n, query_heads, w) f32
  float scale = 0;
  void validate() const;
};
void attention_cached(Exec& ex, const AttentionCached& a);

}  // namespace mneme
