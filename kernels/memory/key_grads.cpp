#include "kernels/memory/key_grads.h"

#include <algorithm>
#include <array>

#include "kernels/memory/weighted_rows.h"
#include "kernels/parallel.h"

#include "base/math.h"

namespace mneme::cpu {
namespace {

/// Reads whose positions are sorted at once: bounds scratch for any number of tokens.
constexpr std::int64_t reads_per_chunk = std::int64_t{1} << 20;

/// Terms given to add_rows at once.
constexpr std::int64_t terms_at_once = 128;

std::int64_t key_of(const KeyGrads& a, std::int64_t read) {
  const auto row = static_cast<std::uint32_t>(a.rows[read]);
  if (a.divisor > 1) return row / static_cast<std::uint32_t>(a.divisor);
  return row % static_cast<std::uint32_t>(a.count);
}

/// sum += sum of n terms, where term(i) is asked for each in order.
template <class F>
void add_terms(std::int64_t n, std::int64_t width, bool fresh, float* sum, F&& term) {
  std::array<RowTerm, size_of(terms_at_once)> terms;
  for (std::int64_t first = 0; first < n; first += terms_at_once) {
    const std::int64_t count = std::min(n - first, terms_at_once);
    for (std::int64_t i = 0; i < count; ++i) terms[size_of(i)] = term(first + i);
    add_rows(terms.data(), size_of(count), 0, size_of(width), fresh && first == 0, sum);
  }
}

void query_gradients(const Exec& ex, const KeyGrads& a) {
  parallel_blocks(ex, a.tokens * a.heads, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t i = first; i < last; ++i) {
      const float* keys = a.keys + i % a.heads * a.count * a.width;
      add_terms(a.best, a.width, true, a.dq + i * a.width, [&](std::int64_t j) {
        const std::int64_t read = i * a.best + j;
        return RowTerm{keys + key_of(a, read) * a.width, a.scale * a.dscores[read]};
      });
    }
  });
}

/// Sorts the reads of tokens [first, last) by (head, key), by counting: ends[h*N + i] becomes the
/// end of the positions of key i of head h.
void sort_reads(
    const Exec& ex, const KeyGrads& a, Range tokens, std::int32_t* ends, std::int32_t* positions) {
  parallel_blocks(ex, a.heads, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t head = first; head < last; ++head) {
      std::int32_t* end = ends + head * a.count;
      std::fill(end, end + a.count, 0);
      const auto each_read = [&](auto&& visit) {
        for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
          const std::int64_t base = (t * a.heads + head) * a.best;
          for (std::int64_t j = base; j < base + a.best; ++j) visit(j);
        }
      };
      each_read([&](std::int64_t j) { ++end[key_of(a, j)]; });
      auto next = static_cast<std::int32_t>(tokens.count() * head * a.best);
      for (std::int64_t i = 0; i < a.count; ++i) {
        const std::int32_t n = end[i];
        end[i] = next;  // the start, until its reads have been placed
        next += n;
      }
      const std::int64_t base = tokens.first * a.heads * a.best;
      each_read([&](std::int64_t j) {
        positions[end[key_of(a, j)]++] = static_cast<std::int32_t>(j - base);
      });
    }
  });
}

/// Threads take whole keys, so that each has about the same number of reads.
void key_gradients(const Exec& ex,
                   const KeyGrads& a,
                   Range tokens,
                   const std::int32_t* ends,
                   const std::int32_t* positions) {
  const std::int64_t cells = a.heads * a.count;
  const std::int64_t reads = tokens.count() * a.heads * a.best;
  const std::int64_t base = tokens.first * a.heads * a.best;
  parallel_blocks(ex, reads, [&](std::int64_t first, std::int64_t last, int) {
    // The keys whose last read lies in [first, last).
    std::int64_t cell = std::upper_bound(ends, ends + cells, first) - ends;
    for (; cell < cells && ends[cell] <= last; ++cell) {
      const std::int64_t start = cell == 0 ? 0 : ends[cell - 1];
      add_terms(ends[cell] - start, a.width, false, a.dkeys + cell * a.width, [&](std::int64_t i) {
        const std::int64_t read = base + positions[start + i];
        return RowTerm{a.q + read / a.best * a.width, a.scale * a.dscores[read]};
      });
    }
  });
}

}  // namespace

void key_grads(Exec& ex, const KeyGrads& a) {
  const std::int64_t reads_per_token = std::max<std::int64_t>(1, a.heads * a.best);
  const std::int64_t chunk = std::clamp<std::int64_t>(reads_per_chunk / reads_per_token, 1,
                                                      std::max<std::int64_t>(1, a.tokens));
  const auto mark = ex.scratch.mark();
  const View ends = ex.scratch.take(DType::i32, {a.heads * a.count}, "key_grads.ends");
  const View positions = ex.scratch.take(DType::i32, {chunk * reads_per_token}, "key_grads.order");
  if (ex.measuring()) return;
  query_gradients(ex, a);
  for (std::int64_t t = 0; t < a.tokens; t += chunk) {
    const Range tokens{t, std::min(t + chunk, a.tokens)};
    sort_reads(ex, a, tokens, ends.ptr<std::int32_t>(), positions.ptr<std::int32_t>());
    key_gradients(ex, a, tokens, ends.ptr<std::int32_t>(), positions.ptr<std::int32_t>());
  }
}

}  // namespace mneme::cpu
