#include <algorithm>
#include <bit>
#include <vector>

#include "kernels/memory/contribution_sort.h"
#include "kernels/memory/row_sums.h"
#include "kernels/memory/weighted_rows.h"
#include "kernels/parallel.h"

#include "base/math.h"
#include "base/scope.h"

namespace mneme {

void PoolAccumulate::validate() const {
  const char* op = "pool_accumulate";
  require(into != nullptr, Fault::bug, "{}: into is missing", op);
  require(chunk_contributions >= 1, Fault::bug, "{}: chunks of {} contributions, wanted 1 or more",
          op, chunk_contributions);
  const std::int64_t w = into->sums.extent(1);
  const std::int64_t capacity = into->sums.extent(0);
  require_tensor(into->slot_of_row, DType::i32, {into->slot_of_row.extent(0)}, op, "slot_of_row");
  require_tensor(into->row_of_slot, DType::i32, {capacity}, op, "row_of_slot");
  require_tensor(into->sums, DType::f32, {capacity, w}, op, "sums");
  for (const PoolReads& r : reads) {
    require(r.rows.shape().rank() == 2, Fault::bug, "{}: rows is {}, wanted (n, J)", op,
            to_string(r.rows.shape()));
    require_tensor(r.rows, DType::i32, r.rows.shape(), op, "rows");
    require_tensor(r.weights, DType::f32, r.rows.shape(), op, "weights");
    require_tensor(r.dout, DType::f32, {r.rows.extent(0), w}, op, "dout");
  }
}

namespace {

/// What a sorted chunk's contributions are sums of.
struct Terms {
  std::span<const PoolReads> reads;
  std::span<const cpu::LayerRows> layers;
  std::int64_t first_token;  // of the chunk
  unsigned slot_bits;
  std::int64_t width;  // W
};

/// Calls f(row, first, last) for each run of equal rows among contributions [first, last).
template <class F>
void for_segments(const cpu::Contribution* sorted, std::int64_t first, std::int64_t last, F&& f) {
  while (first < last) {
    const std::int64_t row = cpu::row_of(sorted[first]);
    std::int64_t end = first + 1;
    while (end < last && cpu::row_of(sorted[end]) == row) ++end;
    f(row, first, end);
    first = end;
  }
}

void add_segment(const Terms& terms, std::span<const cpu::Contribution> segment, float* sum) {
  std::size_t layer = 0;
  for (const cpu::Contribution c : segment) {
    const std::int64_t position = cpu::position_of(c);
    const std::int64_t token = terms.first_token + (position >> terms.slot_bits);
    const std::int64_t slot = position & ((std::int64_t{1} << terms.slot_bits) - 1);
    while (token >= terms.layers[layer].first_token + terms.layers[layer].tokens) ++layer;
    const std::int64_t t = token - terms.layers[layer].first_token;
    const PoolReads& r = terms.reads[layer];
    cpu::add_row(sum, r.weights.ptr<const float>()[t * terms.layers[layer].slots + slot],
                 r.dout.ptr<const float>() + t * terms.width, terms.width);
  }
}

/// Gives slots to new rows and adds the sorted contributions of one chunk.
void add_chunk(const Exec& ex,
               const cpu::ContributionSort& sort,
               const Terms& terms,
               RowSums& into,
               std::span<std::int64_t> new_slots) {
  std::int32_t* slot_of_row = into.slot_of_row.ptr<std::int32_t>();
  std::int32_t* row_of_slot = into.row_of_slot.ptr<std::int32_t>();
  float* sums = into.sums.ptr<float>();
  const int parts = ex.threads;
  cpu::parallel_blocks(ex, parts, [&](std::int64_t p, std::int64_t, int) {
    std::int64_t fresh = 0;
    for_segments(sort.sorted, sort.cuts[size_of(p)], sort.cuts[size_of(p + 1)],
                 [&](std::int64_t row, std::int64_t, std::int64_t) {
                   if (slot_of_row[row] < 0) ++fresh;
                 });
    new_slots[size_of(p)] = fresh;
  });
  std::int64_t count = into.count;
  for (std::int64_t& first : new_slots) {
    const std::int64_t fresh = first;
    first = count;
    count += fresh;
  }
  require(count <= into.sums.extent(0), Fault::bug,
          "pool_accumulate: {} rows were touched, but there is room for the sums of {} only", count,
          into.sums.extent(0));
  into.count = count;
  cpu::parallel_blocks(ex, parts, [&](std::int64_t p, std::int64_t, int) {
    std::int64_t next = new_slots[size_of(p)];
    for_segments(sort.sorted, sort.cuts[size_of(p)], sort.cuts[size_of(p + 1)],
                 [&](std::int64_t row, std::int64_t first, std::int64_t last) {
                   const bool is_new = slot_of_row[row] < 0;
                   if (is_new) {
                     slot_of_row[row] = static_cast<std::int32_t>(next);
                     row_of_slot[next++] = static_cast<std::int32_t>(row);
                   }
                   float* sum = sums + slot_of_row[row] * terms.width;
                   if (is_new) std::fill_n(sum, terms.width, 0.0F);
                   add_segment(terms, {sort.sorted + first, size_of(last - first)}, sum);
                 });
  });
}

}  // namespace

void pool_accumulate(Exec& ex, const PoolAccumulate& a) {
  const Scope scope("pool_accumulate");
  a.validate();
  std::int64_t tokens = 0;
  std::int64_t contributions = 0;
  std::int64_t most_slots = 1;
  std::vector<cpu::LayerRows> layers;
  for (const PoolReads& r : a.reads) {
    layers.push_back({ex.measuring() ? nullptr : r.rows.ptr<const std::int32_t>(), tokens,
                      r.rows.extent(0), r.rows.extent(1)});
    tokens += r.rows.extent(0);
    contributions += r.rows.count();
    most_slots = std::max(most_slots, r.rows.extent(1));
  }
  // Whole tokens, at least one, and few enough for positions of 32 bits.
  const auto slot_bits =
      static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(most_slots - 1)));
  const std::int64_t chunk = std::clamp<std::int64_t>(a.chunk_contributions / most_slots, 1,
                                                      std::int64_t{1} << (32U - slot_bits));
  const auto mark = ex.scratch.mark();
  cpu::ContributionSort sort(ex, std::min(contributions, chunk * most_slots),
                             a.into->slot_of_row.extent(0));
  const View new_slots = ex.scratch.take(DType::i64, {ex.threads}, "pool_accumulate.slots");
  if (ex.measuring()) return;
  for (std::int64_t t = 0; t < tokens; t += chunk) {
    const Range part{t, std::min(t + chunk, tokens)};
    sort.run(ex, layers, part, slot_bits);
    add_chunk(ex, sort, {a.reads, layers, t, slot_bits, a.into->sums.extent(1)}, *a.into,
              new_slots.span<std::int64_t>());
  }
}

}  // namespace mneme
