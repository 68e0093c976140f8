#include <limits>

#include "kernels/memory/pk_lookup.h"
#include "kernels/memory/top_k.h"
#include "kernels/parallel.h"

#include "base/math.h"
#include "base/scope.h"

namespace mneme {

void FlatLookupForward::validate() const {
  const char* op = "flat_lookup_forward";
  require(q.shape().rank() == 3 && keys.shape().rank() == 3 && rows.shape().rank() == 3, Fault::bug,
          "{}: q, keys and rows have three dimensions each", op);
  const std::int64_t t = q.extent(0);
  const std::int64_t h = q.extent(1);
  const std::int64_t d = q.extent(2);
  const std::int64_t r = keys.extent(1);
  const std::int64_t k = rows.extent(2);
  require_tensor(q, DType::f32, {t, h, d}, op, "q");
  require_tensor(keys, DType::f32, {h, r, d}, op, "keys");
  require_tensor(rows, DType::i32, {t, h, k}, op, "rows");
  require_tensor(scores, DType::f32, {t, h, k}, op, "scores");
  require(k >= 1 && k <= r, Fault::bug, "{}: top {} of {} keys, wanted 1 <= k <= R", op, k, r);
  require(r <= std::numeric_limits<std::int32_t>::max(), Fault::bug,
          "{}: {} rows, more than an i32 can number", op, r);
}

void flat_lookup_forward(Exec& ex, const FlatLookupForward& a) {
  const Scope scope("flat_lookup_forward");
  a.validate();
  const std::int64_t h = a.q.extent(1);
  const std::int64_t d = a.q.extent(2);
  const std::int64_t r = a.keys.extent(1);
  const std::int64_t k = a.rows.extent(2);
  const auto mark = ex.scratch.mark();
  const View all = ex.scratch.take(DType::f32, {ex.threads, r}, "flat_lookup.scores");
  if (ex.measuring()) return;
  const float* q = a.q.ptr<const float>();
  const float* keys = a.keys.ptr<const float>();
  std::int32_t* rows = a.rows.ptr<std::int32_t>();
  float* scores = a.scores.ptr<float>();
  cpu::parallel_blocks(ex, a.q.extent(0), [&](std::int64_t first, std::int64_t last, int thread) {
    float* s = all.ptr<float>() + thread * r;
    for (std::int64_t t = first * h; t < last * h; ++t) {
      const float* head = keys + (t % h) * r * d;
      for (std::int64_t i = 0; i < r; ++i) {
        float sum = 0;
        for (std::int64_t c = 0; c < d; ++c) sum += q[t * d + c] * head[i * d + c];
        s[i] = a.scale * sum;
      }
      cpu::top_k(s, r, k, rows + t * k, scores + t * k);
    }
  });
}

}  // namespace mneme
