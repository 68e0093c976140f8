#include "kernels/memory/row_sums.h"

#include <algorithm>

#include "kernels/parallel.h"
#include "kernels/util/elementwise_loops.h"

#include "base/math.h"
#include "base/scope.h"

namespace mneme {

void row_sums_clear(Exec& ex, RowSums& s) {
  const Scope scope("row_sums_clear");
  if (!ex.measuring()) {
    std::int32_t* slot_of_row = s.slot_of_row.ptr<std::int32_t>();
    const std::int32_t* row_of_slot = s.row_of_slot.ptr<const std::int32_t>();
    cpu::parallel_blocks(ex, s.count, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t i = first; i < last; ++i) slot_of_row[row_of_slot[i]] = -1;
    });
  }
  s.count = 0;
}

double row_sums_squares(Exec& ex, const RowSums& s) {
  const Scope scope("row_sums_squares");
  constexpr std::int64_t block = 512;  // slots; blocks are summed alone, then in order
  const std::int64_t w = s.sums.extent(1);
  const auto mark = ex.scratch.mark();
  const View parts =
      ex.scratch.take(DType::f64, {ceil_div(s.sums.extent(0), block)}, "row_sums.squares");
  if (ex.measuring()) return 0;
  const float* sums = s.sums.ptr<const float>();
  double* part = parts.ptr<double>();
  const std::int64_t blocks = ceil_div(s.count, block);
  cpu::parallel_blocks(ex, blocks, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t b = first; b < last; ++b) {
      const std::int64_t slots = std::min(block, s.count - b * block);
      part[b] = cpu::sum_squares_elements(size_of(slots * w), sums + b * block * w);
    }
  });
  double sum = 0;
  for (std::int64_t b = 0; b < blocks; ++b) sum += part[b];
  return sum;
}

void CountReads::validate() const {
  require(rows.shape().rank() == 3 && counts.shape().rank() == 2, Fault::bug,
          "count_reads: rows {} and counts {}, wanted (n, H, k) and (H, rows counted)",
          to_string(rows.shape()), to_string(counts.shape()));
  require_tensor(rows, DType::i32, rows.shape(), "count_reads", "rows");
  require_tensor(counts, DType::i32, {rows.extent(1), counts.extent(1)}, "count_reads", "counts");
  require(first >= 0, Fault::bug, "count_reads: the first row is {}, wanted 0 or more", first);
}

void count_reads(Exec& ex, const CountReads& a) {
  const Scope scope("count_reads");
  a.validate();
  if (ex.measuring()) return;
  const std::int64_t heads = a.rows.extent(1);
  const std::int64_t k = a.rows.extent(2);
  const std::int64_t range = a.counts.extent(1);
  const std::int32_t* rows = a.rows.ptr<const std::int32_t>();
  std::int32_t* counts = a.counts.ptr<std::int32_t>();
  cpu::parallel_blocks(ex, heads, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t t = 0; t < a.rows.extent(0); ++t) {
      for (std::int64_t head = first; head < last; ++head) {
        for (std::int64_t i = (t * heads + head) * k; i < (t * heads + head + 1) * k; ++i) {
          const std::int64_t row = rows[i] - a.first;
          if (row >= 0 && row < range) ++counts[head * range + row];
        }
      }
    }
  });
}

}  // namespace mneme
