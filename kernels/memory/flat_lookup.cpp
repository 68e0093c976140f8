#include <algorithm>
#include <limits>

#include "kernels/memory/key_scorer.h"
#include "kernels/memory/pk_lookup.h"
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
  if (ex.cost != nullptr) {
    ex.cost->matmul_flop +=
        2.0 * static_cast<double>(a.q.count()) * static_cast<double>(a.keys.extent(1));
  }
  const std::int64_t h = a.q.extent(1);
  const std::int64_t d = a.q.extent(2);
  const std::int64_t k = a.rows.extent(2);
  const auto mark = ex.scratch.mark();
  cpu::KeyScorer scorer(ex, h, a.keys.extent(1), d);
  const cpu::Selection selection(ex, k);
  if (ex.measuring()) return;
  scorer.pack(ex, 0, h, a.keys.ptr<const float>());
  const float* q = a.q.ptr<const float>();
  std::int32_t* rows = a.rows.ptr<std::int32_t>();
  float* scores = a.scores.ptr<float>();
  const auto tile = [&](std::int64_t head, std::int64_t first, std::int64_t tokens, int thread) {
    const std::int32_t* codes =
        scorer.score(q + (first * h + head) * d, h * d, tokens, head, a.scale, thread);
    for (std::int64_t t = 0; t < tokens; ++t) {
      const std::int64_t out = ((first + t) * h + head) * k;
      cpu::best_codes(codes + t * scorer.padded(), size_of(scorer.padded()), size_of(k),
                      selection.of(thread), rows + out, scores + out);
    }
  };
  cpu::parallel_blocks(ex, a.q.extent(0), [&](std::int64_t first, std::int64_t last, int thread) {
    for (std::int64_t head = 0; head < h; ++head) {
      for (std::int64_t t = first; t < last; t += scorer.tile()) {
        tile(head, t, std::min(scorer.tile(), last - t), thread);
      }
    }
  });
}

}  // namespace mneme
