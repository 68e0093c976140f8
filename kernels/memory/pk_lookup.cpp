#include "kernels/memory/pk_lookup.h"

#include <algorithm>
#include <limits>

#include "kernels/memory/key_scorer.h"
#include "kernels/memory/pair_ranks.h"
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

/// What a thread holds between the scores of the halves and the choice of pairs.
struct PairWork {
  std::int32_t* index1;  // (tile, k): the best of half 1
  float* score1;         // (tile, k)
  std::int32_t* index2;  // (k)
  float* score2;         // (k + key_group)
  std::int32_t* codes;   // (pairs + key_group): sums
  std::int32_t* pairs;   // (k): the best sums
};

/// The memory of all threads, and the ranks (p, r) of each pair in the list of sums.
class Pairs {
 public:
  Pairs(Exec& ex, std::int64_t tile, std::int64_t k)
      : k_(k),
        tile_(tile),
        padded_(cpu::padded_keys(cpu::pair_count(k))),
        ints_(tile * k + 2 * k + padded_ + cpu::key_group),
        floats_(tile * k + k + cpu::key_group) {
    const View ints = ex.scratch.take(DType::i32, {ex.threads, ints_}, "pk_lookup.pairs");
    const View floats = ex.scratch.take(DType::f32, {ex.threads, floats_}, "pk_lookup.halves");
    const View ranks = ex.scratch.take(DType::i32, {2 * cpu::pair_count(k) + k}, "pk_lookup.ranks");
    if (ex.measuring()) return;
    ints_begin_ = ints.ptr<std::int32_t>();
    floats_begin_ = floats.ptr<float>();
    p_of_ = ranks.ptr<std::int32_t>();
    r_of_ = p_of_ + cpu::pair_count(k);
    lengths_ = r_of_ + cpu::pair_count(k);
    std::int64_t i = 0;
    for (std::int64_t p = 0; p < k; ++p) {
      lengths_[p] = static_cast<std::int32_t>(cpu::pairs_of_rank(p, k));
      for (std::int64_t r = 0; r < cpu::pairs_of_rank(p, k); ++r, ++i) {
        p_of_[i] = static_cast<std::int32_t>(p);
        r_of_[i] = static_cast<std::int32_t>(r);
      }
    }
  }

  PairWork of(int thread) const {
    std::int32_t* i = ints_begin_ + thread * ints_;
    float* f = floats_begin_ + thread * floats_;
    std::int32_t* behind = i + tile_ * k_;
    return {i, f, behind, f + tile_ * k_, behind + 2 * k_, behind + k_};
  }

  /// Rows and scores of the k best sums of token `t` of a tile.
  void choose(const PairWork& w,
              const cpu::SelectionWork& selection,
              std::int64_t t,
              std::int64_t n,
              std::int32_t* rows,
              float* scores) const {
    cpu::pair_codes(w.score1 + t * k_, w.score2, size_of(k_), lengths_, w.codes);
    cpu::best_codes(w.codes, size_of(padded_), size_of(k_), selection, w.pairs, scores);
    for (std::int64_t j = 0; j < k_; ++j) {
      const std::int64_t i1 = w.index1[t * k_ + p_of_[w.pairs[j]]];
      rows[j] = static_cast<std::int32_t>(i1 * n + w.index2[r_of_[w.pairs[j]]]);
    }
  }

 private:
  std::int64_t k_;
  std::int64_t tile_;
  std::int64_t padded_;
  std::int64_t ints_;
  std::int64_t floats_;
  std::int32_t* ints_begin_ = nullptr;
  float* floats_begin_ = nullptr;
  std::int32_t* p_of_ = nullptr;
  std::int32_t* r_of_ = nullptr;
  std::int32_t* lengths_ = nullptr;  // (k): pairs of p
};

/// Everything a thread needs to look up a tile of tokens.
struct Lookup {
  const PkLookupForward& a;
  const cpu::KeyScorer& scorer;  // lists: half 1 of each head, then half 2
  const cpu::Selection& selection;
  const Pairs& pairs;

  void tile(std::int64_t head, std::int64_t first, std::int64_t tokens, int thread) const {
    const std::int64_t h = a.q1.extent(1);
    const std::int64_t e = a.q1.extent(2);
    const std::int64_t n = a.keys1.extent(1);
    const std::int64_t k = a.rows.extent(2);
    const std::size_t padded = size_of(scorer.padded());
    const cpu::SelectionWork work = selection.of(thread);
    const PairWork w = pairs.of(thread);
    const std::int64_t query = (first * h + head) * e;
    const std::int32_t* codes =
        scorer.score(a.q1.ptr<const float>() + query, h * e, tokens, head, a.scale, thread);
    for (std::int64_t t = 0; t < tokens; ++t) {
      cpu::best_codes(codes + size_of(t) * padded, padded, size_of(k), work, w.index1 + t * k,
                      w.score1 + t * k);
    }
    codes = scorer.score(a.q2.ptr<const float>() + query, h * e, tokens, h + head, a.scale, thread);
    for (std::int64_t t = 0; t < tokens; ++t) {
      cpu::best_codes(codes + size_of(t) * padded, padded, size_of(k), work, w.index2, w.score2);
      const std::int64_t out = ((first + t) * h + head) * k;
      pairs.choose(w, work, t, n, a.rows.ptr<std::int32_t>() + out, a.scores.ptr<float>() + out);
    }
  }
};

}  // namespace

void pk_lookup_forward(Exec& ex, const PkLookupForward& a) {
  const Scope scope("pk_lookup_forward");
  a.validate();
  if (ex.cost != nullptr) {  // scores of both halves
    ex.cost->matmul_flop +=
        4.0 * static_cast<double>(a.q1.count()) * static_cast<double>(a.keys1.extent(1));
  }
  const std::int64_t h = a.q1.extent(1);
  const auto mark = ex.scratch.mark();
  cpu::KeyScorer scorer(ex, 2 * h, a.keys1.extent(1), a.q1.extent(2));
  const cpu::Selection selection(ex, a.rows.extent(2));
  const Pairs pairs(ex, scorer.tile(), a.rows.extent(2));
  if (ex.measuring()) return;
  scorer.pack(ex, 0, h, a.keys1.ptr<const float>());
  scorer.pack(ex, h, h, a.keys2.ptr<const float>());
  const Lookup lookup{a, scorer, selection, pairs};
  cpu::parallel_blocks(ex, a.q1.extent(0), [&](std::int64_t first, std::int64_t last, int thread) {
    for (std::int64_t head = 0; head < h; ++head) {
      for (std::int64_t t = first; t < last; t += scorer.tile()) {
        lookup.tile(head, t, std::min(scorer.tile(), last - t), thread);
      }
    }
  });
}

}  // namespace mneme
