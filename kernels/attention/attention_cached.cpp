#include <span>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_loops.h"
#include "kernels/checks.h"
#include "kernels/parallel.h"

#include "base/scope.h"

namespace mneme {
namespace {

void require_caches(const AttentionCached& a) {
  const std::span<const std::int32_t> caches = a.cache_of.span<const std::int32_t>();
  const std::span<const std::int32_t> lengths = a.length.span<const std::int32_t>();
  for (std::size_t i = 0; i < caches.size(); ++i) {
    require(caches[i] >= 0 && caches[i] < a.keys.extent(0), Fault::bug,
            "attention_cached: query {} asks for cache {} of {}", i, caches[i], a.keys.extent(0));
    require(lengths[i] >= 1 && lengths[i] <= a.keys.extent(1), Fault::bug,
            "attention_cached: query {} looks at {} keys of a cache for {}", i, lengths[i],
            a.keys.extent(1));
  }
}

}  // namespace

void AttentionCached::validate() const {
  require(q.given() && q.shape().rank() == 3, Fault::bug,
          "attention_cached: q is {}, wanted (n, query_heads, w)", to_string(q.shape()));
  require(keys.given() && keys.shape().rank() == 4, Fault::bug,
          "attention_cached: keys is {}, wanted (B, capacity, kv_heads, w)",
          to_string(keys.shape()));
  const Shape cache = keys.shape();
  require(cache[2] >= 1 && q.extent(1) % cache[2] == 0, Fault::bug,
          "attention_cached: {} query heads do not share {} key and value heads evenly",
          q.extent(1), cache[2]);
  require_tensor(q, DType::f32, {q.extent(0), q.extent(1), cache[3]}, "attention_cached", "q");
  require_tensor(keys, DType::f32, cache, "attention_cached", "keys");
  require_tensor(values, DType::f32, cache, "attention_cached", "values");
  require_tensor(cache_of, DType::i32, {q.extent(0)}, "attention_cached", "cache_of");
  require_tensor(length, DType::i32, {q.extent(0)}, "attention_cached", "length");
  require_tensor(out, DType::f32, q.shape(), "attention_cached", "out");
  require_apart(q, out, "attention_cached", "q and out");
}

void attention_cached(Exec& ex, const AttentionCached& a) {
  const Scope scope("attention_cached");
  a.validate();
  const std::int64_t heads = a.q.extent(1);
  const Shape cache = a.keys.shape();
  const auto mark = ex.scratch.mark();
  const View scores = ex.scratch.take(DType::f32, {ex.threads, cache[1]}, "attention.scores");
  if (ex.measuring()) return;
  require_caches(a);
  const float* q = a.q.ptr<const float>();
  const float* keys = a.keys.ptr<const float>();
  const float* values = a.values.ptr<const float>();
  const std::int32_t* cache_of = a.cache_of.ptr<const std::int32_t>();
  const std::int32_t* length = a.length.ptr<const std::int32_t>();
  float* out = a.out.ptr<float>();
  float* room = scores.ptr<float>();
  const std::int64_t row = cache[2] * cache[3];
  const std::int64_t group_heads = heads / cache[2];
  cpu::parallel_blocks(
      ex, a.q.extent(0) * heads, [&](std::int64_t first, std::int64_t last, int thread) {
        for (std::int64_t i = first; i < last; ++i) {
          const std::int64_t query = i / heads;
          const std::int64_t at =
              cache_of[query] * cache[1] * row + (i % heads) / group_heads * cache[3];
          cpu::attention_cached_query({.width = size_of(cache[3]),
                                       .length = static_cast<std::size_t>(length[query]),
                                       .row = size_of(row),
                                       .scale = a.scale,
                                       .query = q + i * cache[3],
                                       .keys = keys + at,
                                       .values = values + at},
                                      room + thread * cache[1], out + i * cache[3]);
        }
      });
}

}  // namespace mneme
