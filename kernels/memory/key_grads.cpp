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

/// The reads of some tokens: what is computed once per chunk.
struct Chunk {
  Range tokens;
  std::int64_t first_read;  // read numbers below count from here
  std::int64_t reads;       // of all tokens and heads
  std::int32_t* keys;       // (reads): the key of a read
  std::int32_t* ends;       // (H, N): end of a key's reads in `order`
  std::int32_t* order;      // (reads): read numbers by (head, key), then token, then j
};

void find_keys(const Exec& ex, const KeyGrads& a, const Chunk& chunk) {
  const auto divisor = static_cast<std::uint32_t>(a.divisor);
  const auto count = static_cast<std::uint32_t>(a.count);
  parallel_blocks(ex, chunk.reads, elements_per_thread,
                  [&](std::int64_t first, std::int64_t last, int) {
                    const std::int32_t* rows = a.rows + chunk.first_read;
                    for (std::int64_t i = first; i < last; ++i) {
                      const auto row = static_cast<std::uint32_t>(rows[i]);
                      const std::uint32_t key = divisor > 1 ? row / divisor : row % count;
                      chunk.keys[i] = static_cast<std::int32_t>(key);
                    }
                  });
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

void query_gradients(const Exec& ex, const KeyGrads& a, const Chunk& chunk) {
  const std::int64_t first_query = chunk.tokens.first * a.heads;
  parallel_blocks(
      ex, chunk.tokens.count() * a.heads, [&](std::int64_t first, std::int64_t last, int) {
        for (std::int64_t i = first; i < last; ++i) {
          const float* keys = a.keys + i % a.heads * a.count * a.width;
          const std::int32_t* key = chunk.keys + i * a.best;
          const float* ds = a.dscores + (first_query + i) * a.best;
          add_terms(a.best, a.width, true, a.dq + (first_query + i) * a.width, [&](std::int64_t j) {
            return RowTerm{keys + key[j] * a.width, a.scale * ds[j]};
          });
        }
      });
}

/// Sorts the reads by (head, key), by counting; a head is sorted by one thread.
void sort_reads(const Exec& ex, const KeyGrads& a, const Chunk& chunk) {
  parallel_blocks(ex, a.heads, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t head = first; head < last; ++head) {
      std::int32_t* end = chunk.ends + head * a.count;
      std::fill(end, end + a.count, 0);
      const std::int64_t stride = a.heads * a.best;
      const auto each_read = [&](auto&& visit) {
        for (std::int64_t base = head * a.best; base < chunk.reads; base += stride) {
          for (std::int64_t j = base; j < base + a.best; ++j) visit(j);
        }
      };
      each_read([&](std::int64_t j) { ++end[chunk.keys[j]]; });
      auto next = static_cast<std::int32_t>(chunk.tokens.count() * head * a.best);
      for (std::int64_t i = 0; i < a.count; ++i) {
        const std::int32_t n = end[i];
        end[i] = next;  // the start, until its reads have been placed
        next += n;
      }
      each_read([&](std::int64_t j) {
        chunk.order[end[chunk.keys[j]]++] = static_cast<std::int32_t>(j);
      });
    }
  });
}

/// Threads take whole keys, so that each has about the same number of reads.
void key_gradients(const Exec& ex, const KeyGrads& a, const Chunk& chunk) {
  const std::int64_t cells = a.heads * a.count;
  const float* dscores = a.dscores + chunk.first_read;
  const float* q = a.q + chunk.tokens.first * a.heads * a.width;
  const auto best = static_cast<std::uint32_t>(a.best);
  parallel_blocks(ex, chunk.reads, [&](std::int64_t first, std::int64_t last, int) {
    // The keys whose last read lies in [first, last).
    std::int64_t cell = std::upper_bound(chunk.ends, chunk.ends + cells, first) - chunk.ends;
    for (; cell < cells && chunk.ends[cell] <= last; ++cell) {
      const std::int64_t start = cell == 0 ? 0 : chunk.ends[cell - 1];
      add_terms(chunk.ends[cell] - start, a.width, false, a.dkeys + cell * a.width,
                [&](std::int64_t i) {
                  const auto read = static_cast<std::uint32_t>(chunk.order[start + i]);
                  return RowTerm{q + read / best * a.width, a.scale * dscores[read]};
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
  const View keys = ex.scratch.take(DType::i32, {chunk * reads_per_token}, "key_grads.keys");
  const View order = ex.scratch.take(DType::i32, {chunk * reads_per_token}, "key_grads.order");
  if (ex.measuring()) return;
  for (std::int64_t t = 0; t < a.tokens; t += chunk) {
    const Range tokens{t, std::min(t + chunk, a.tokens)};
    const Chunk c{.tokens = tokens,
                  .first_read = t * reads_per_token,
                  .reads = tokens.count() * reads_per_token,
                  .keys = keys.ptr<std::int32_t>(),
                  .ends = ends.ptr<std::int32_t>(),
                  .order = order.ptr<std::int32_t>()};
    find_keys(ex, a, c);
    query_gradients(ex, a, c);
    sort_reads(ex, a, c);
    key_gradients(ex, a, c);
  }
}

}  // namespace mneme::cpu
