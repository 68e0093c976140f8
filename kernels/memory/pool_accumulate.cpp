#include <algorithm>
#include <array>
#include <bit>
#include <tuple>
#include <utility>
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

/// Contributions decoded at once: lets the rows of later ones be prefetched.
constexpr std::int64_t decoded_at_once = 128;

/// Looks up where contributions point to; the layer of a position is searched from layer 0 for
/// each row anew, since positions ascend within a row.
void decode(const Terms& terms, std::span<const cpu::Contribution> from, cpu::RowTerm* to) {
  std::size_t layer = 0;
  std::int64_t row = -1;
  for (const cpu::Contribution c : from) {
    if (cpu::row_of(c) != row) layer = 0;
    row = cpu::row_of(c);
    const std::int64_t position = cpu::position_of(c);
    const std::int64_t token = terms.first_token + (position >> terms.slot_bits);
    const std::int64_t slot = position & ((std::int64_t{1} << terms.slot_bits) - 1);
    while (token >= terms.layers[layer].first_token + terms.layers[layer].tokens) ++layer;
    const std::int64_t t = token - terms.layers[layer].first_token;
    *to++ = {terms.layers[layer].dout + t * terms.width,
             terms.layers[layer].weights[t * terms.layers[layer].slots + slot]};
  }
}

/// Adds the contributions [first, last), which are sorted by row, to the sums of their rows.
/// sum_of(row) gives a row's sum and whether it starts at zero.
template <class F>
void add_range(const Terms& terms,
               const cpu::Contribution* sorted,
               std::int64_t first,
               std::int64_t last,
               F&& sum_of) {
  std::array<cpu::RowTerm, size_of(decoded_at_once)> decoded;
  std::int64_t row = -1;
  float* sum = nullptr;
  while (first < last) {
    const std::int64_t n = std::min(last - first, decoded_at_once);
    decode(terms, {sorted + first, size_of(n)}, decoded.data());
    for (std::int64_t i = 0; i < n;) {
      bool fresh = false;
      if (cpu::row_of(sorted[first + i]) != row) {
        row = cpu::row_of(sorted[first + i]);
        std::tie(sum, fresh) = sum_of(row);
      }
      std::int64_t end = i + 1;
      while (end < n && cpu::row_of(sorted[first + end]) == row) ++end;
      cpu::add_rows(decoded.data() + i, size_of(end - i), size_of(n - end), size_of(terms.width),
                    fresh, sum);
      i = end;
    }
    first += n;
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
    add_range(terms, sort.sorted, sort.cuts[size_of(p)], sort.cuts[size_of(p + 1)],
              [&](std::int64_t row) {
                const bool is_new = slot_of_row[row] < 0;
                if (is_new) {
                  slot_of_row[row] = static_cast<std::int32_t>(next);
                  row_of_slot[next++] = static_cast<std::int32_t>(row);
                }
                return std::pair(sums + slot_of_row[row] * terms.width, is_new);
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
    layers.push_back({.rows = r.rows.ptr<const std::int32_t>(),
                      .weights = r.weights.ptr<const float>(),
                      .dout = r.dout.ptr<const float>(),
                      .first_token = tokens,
                      .tokens = r.rows.extent(0),
                      .slots = r.rows.extent(1)});
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
    add_chunk(ex, sort, {layers, t, slot_bits, a.into->sums.extent(1)}, *a.into,
              new_slots.span<std::int64_t>());
  }
}

}  // namespace mneme
