#include "kernels/memory/pk_lookup.h"

#include <limits>

#include "kernels/memory/pair_ranks.h"
#include "kernels/memory/top_k.h"
#include "kernels/parallel.h"

#include "base/math.h"
#include "base/scope.h"

namespace mneme {

void PkLookupForward::validate() const {
  const char* op = "pk_lookup_forward";
  require(q1.shape().rank() == 3 && keys1.shape().rank() == 3 && rows.shape().rank() == 3,
          Fault::bug, "{}: q1, keys1 and rows have three dimensions each", op);
  const std::int64_t t = q1.extent(0);
  const std::int64_t h = q1.extent(1);
  const std::int64_t e = q1.extent(2);
  const std::int64_t n = keys1.extent(1);
  const std::int64_t k = rows.extent(2);
  require_tensor(q1, DType::f32, {t, h, e}, op, "q1");
  require_tensor(q2, DType::f32, {t, h, e}, op, "q2");
  require_tensor(keys1, DType::f32, {h, n, e}, op, "keys1");
  require_tensor(keys2, DType::f32, {h, n, e}, op, "keys2");
  require_tensor(rows, DType::i32, {t, h, k}, op, "rows");
  require_tensor(scores, DType::f32, {t, h, k}, op, "scores");
  require(k >= 1 && k <= n, Fault::bug, "{}: top {} of {} half-keys, wanted 1 <= k <= N", op, k, n);
  require(n * n <= std::numeric_limits<std::int32_t>::max(), Fault::bug,
          "{}: {} half-keys make {} rows, more than an i32 can number", op, n, n * n);
}

namespace {

struct Best {
  std::int32_t* index;
  float* score;
};

/// Scratch of one thread.
struct Work {
  float* scores;  // (N)
  Best halves[2];
  float* sums;           // (pairs)
  std::int32_t* ranked;  // (k)
};

void half_best(const float* q,
               const float* keys,
               float scale,
               std::int64_t n,
               std::int64_t e,
               std::int64_t k,
               float* scores,
               Best best) {
  for (std::int64_t i = 0; i < n; ++i) {
    float sum = 0;
    for (std::int64_t c = 0; c < e; ++c) sum += q[c] * keys[i * e + c];
    scores[i] = scale * sum;
  }
  cpu::top_k(scores, n, k, best.index, best.score);
}

void best_pairs(const Work& w, std::int64_t n, std::int64_t k, std::int32_t* rows, float* scores) {
  std::int64_t count = 0;
  for (std::int64_t p = 0; p < k; ++p) {
    for (std::int64_t r = 0; r < cpu::pairs_of_rank(p, k); ++r) {
      w.sums[count++] = w.halves[0].score[p] + w.halves[1].score[r];
    }
  }
  cpu::top_k(w.sums, count, k, w.ranked, scores);
  for (std::int64_t j = 0; j < k; ++j) {
    std::int64_t p = 0;
    std::int64_t r = w.ranked[j];
    while (r >= cpu::pairs_of_rank(p, k)) r -= cpu::pairs_of_rank(p++, k);
    rows[j] = static_cast<std::int32_t>(w.halves[0].index[p] * n + w.halves[1].index[r]);
  }
}

}  // namespace

void pk_lookup_forward(Exec& ex, const PkLookupForward& a) {
  const Scope scope("pk_lookup_forward");
  a.validate();
  const std::int64_t h = a.q1.extent(1);
  const std::int64_t e = a.q1.extent(2);
  const std::int64_t n = a.keys1.extent(1);
  const std::int64_t k = a.rows.extent(2);
  const std::int64_t pairs = cpu::pair_count(k);
  const auto mark = ex.scratch.mark();
  const View floats =
      ex.scratch.take(DType::f32, {ex.threads, n + 2 * k + pairs}, "pk_lookup.scores");
  const View indices = ex.scratch.take(DType::i32, {ex.threads, 3 * k}, "pk_lookup.order");
  if (ex.measuring()) return;
  const float* q1 = a.q1.ptr<const float>();
  const float* q2 = a.q2.ptr<const float>();
  const float* keys1 = a.keys1.ptr<const float>();
  const float* keys2 = a.keys2.ptr<const float>();
  std::int32_t* rows = a.rows.ptr<std::int32_t>();
  float* scores = a.scores.ptr<float>();
  cpu::parallel_blocks(ex, a.q1.extent(0), [&](std::int64_t first, std::int64_t last, int thread) {
    float* f = floats.ptr<float>() + thread * (n + 2 * k + pairs);
    std::int32_t* i = indices.ptr<std::int32_t>() + thread * 3 * k;
    const Work w{f, {{i, f + n}, {i + k, f + n + k}}, f + n + 2 * k, i + 2 * k};
    for (std::int64_t t = first * h; t < last * h; ++t) {
      const std::int64_t head = t % h;
      half_best(q1 + t * e, keys1 + head * n * e, a.scale, n, e, k, w.scores, w.halves[0]);
      half_best(q2 + t * e, keys2 + head * n * e, a.scale, n, e, k, w.scores, w.halves[1]);
      best_pairs(w, n, k, rows + t * k, scores + t * k);
    }
  });
}

}  // namespace mneme
