#include "nn/pool_use.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/memory/row_sums.h"
#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {
namespace {

/// Sums from which touched rows and entropy follow: rows read, reads, sum of c*log(c).
struct Tally {
  double touched = 0;
  double reads = 0;
  double c_log_c = 0;

  void add(std::int64_t count) {
    if (count == 0) return;
    const auto c = static_cast<double>(count);
    touched += 1;
    reads += c;
    c_log_c += c * std::log(c);
  }
  /// exp(H), H = log(reads) - sum c*log(c) / reads.
  double effective() const { return reads > 0 ? std::exp(std::log(reads) - c_log_c / reads) : 0; }
};

}  // namespace

PoolUse::PoolUse(Exec& ex,
                 std::vector<std::int64_t> pool_of_layer,
                 std::int64_t heads,
                 std::int64_t rows,
                 const Communicator& memory_axis,
                 Arena& arena)
    : pool_of_layer_(std::move(pool_of_layer)),
      heads_(heads),
      rows_(rows),
      range_(block_of(rows, memory_axis.rank(), memory_axis.size())),
      counts_(arena.take(
          DType::i32, {std::ssize(pool_of_layer_) * heads, range_.count()}, "pool.use_counts")) {
  zero(ex, counts_);
}

void PoolUse::count(Exec& ex, std::int64_t layer, ConstView rows) const {
  const std::int64_t n = rows.extent(0);
  count_reads(ex, {.rows = rows.as({n, heads_, rows.extent(1) / heads_}),
                   .counts = counts_.rows(layer * heads_, (layer + 1) * heads_),
                   .first = range_.first});
}

PoolUse::Summary PoolUse::summarise(Exec& ex,
                                    Communicator& memory_axis,
                                    Communicator& data_axis) const {
  const Scope scope("pool_use");
  Summary summary;
  if (data_axis.size() > 1) data_axis.all_reduce(counts_, Reduce::sum, ex).wait();
  const std::int64_t lines = std::ssize(pool_of_layer_) * heads_;
  const std::int64_t pools = 1 + *std::max_element(pool_of_layer_.begin(), pool_of_layer_.end());
  const auto mark = ex.scratch.mark();
  const View sums = ex.scratch.take(DType::f64, {lines + 1, 3}, "pool.use_sums");
  if (!ex.measuring()) {
    const auto counts = counts_.span<const std::int32_t>();
    std::vector<Tally> tallies(size_of(lines + 1));
    const std::int64_t width = range_.count();
    std::vector<std::int64_t> all(size_of(pools));  // reads of one row of each pool
    for (std::int64_t r = 0; r < width; ++r) {
      std::fill(all.begin(), all.end(), 0);
      for (std::int64_t l = 0; l < lines; ++l) {
        const std::int32_t c = counts[size_of(l * width + r)];
        tallies[size_of(l)].add(c);
        all[size_of(pool_of_layer_[size_of(l / heads_)])] += c;
      }
      for (const std::int64_t c : all) tallies.back().add(c);
    }
    const auto out = sums.span<double>();
    for (std::size_t i = 0; i < tallies.size(); ++i) {
      out[3 * i] = tallies[i].touched;
      out[3 * i + 1] = tallies[i].reads;
      out[3 * i + 2] = tallies[i].c_log_c;
    }
  }
  memory_axis.all_reduce(sums, Reduce::sum, ex).wait();
  zero(ex, counts_);
  if (ex.measuring()) return summary;
  const auto total = sums.span<const double>();
  const auto rows = static_cast<double>(rows_);
  for (std::int64_t l = 0; l <= lines; ++l) {
    const Tally t{total[size_of(3 * l)], total[size_of(3 * l + 1)], total[size_of(3 * l + 2)]};
    if (l == lines) {
      summary.touched = t.touched / (rows * static_cast<double>(pools));
      summary.effective_rows = t.effective();
    } else {
      summary.lines.push_back({l / heads_, l % heads_, t.touched / rows, t.effective()});
    }
  }
  return summary;
}

}  // namespace mneme
