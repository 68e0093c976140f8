#include "optim/grad_reduce.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {
namespace {

constexpr std::array trained_groups{Group::matrices, Group::vectors, Group::embedding,
                                    Group::memory_keys, Group::memory_values};

/// Some touched rows with their sums, by ascending row.
struct RowList {
  View rows;  // (n) i32
  View sums;  // (n, W) f32
};

/// One tile [first, last) of the rows, in exchange between the replicas of a pool.
class TileExchange {
 public:
  TileExchange(Exec& ex, RowSums& sums, Communicator& replicas, Range tile)
      : ex_(ex),
        sums_(sums),
        replicas_(replicas),
        tile_(tile),
        width_(sums.sums.extent(1)),
        sent_(take("pool.reduce_sent")),
        got_(take("pool.reduce_received")),
        counts_(ex.scratch.take(
            DType::i64, {replicas.size(), replicas.size() + 1}, "pool.reduce_counts")) {}

  void run() {
    const std::vector<std::int64_t> to = collect();
    const std::vector<std::int64_t> from = transpose(to);
    const std::int64_t sent = std::accumulate(to.begin(), to.end(), std::int64_t{0});
    const std::int64_t got = std::accumulate(from.begin(), from.end(), std::int64_t{0});
    replicas_.all_to_all(sent_.rows.rows(0, sent), to, got_.rows.rows(0, got), from, ex_).wait();
    replicas_.all_to_all(sent_.sums.rows(0, sent), to, got_.sums.rows(0, got), from, ex_).wait();
    const std::int64_t merged = merge(from);
    const std::vector<std::int64_t> all = gather_counts(merged);
    const std::int64_t total = std::accumulate(all.begin(), all.end(), std::int64_t{0});
    replicas_.all_gather_rows(sent_.rows.rows(0, merged), got_.rows.rows(0, total), all, ex_)
        .wait();
    replicas_.all_gather_rows(sent_.sums.rows(0, merged), got_.sums.rows(0, total), all, ex_)
        .wait();
    store(total);
  }

  /// What a measuring run sees: the same calls on the largest lists.
  void measure() {
    const std::vector<std::int64_t> even = shares();
    const std::int64_t n = tile_.count();
    const std::int64_t own = even[size_of(replicas_.rank())];
    const std::vector<std::int64_t> from(even.size(), own);
    const std::int64_t got = own * replicas_.size();
    transpose(even);
    replicas_.all_to_all(sent_.rows.rows(0, n), even, got_.rows.rows(0, got), from, ex_).wait();
    replicas_.all_to_all(sent_.sums.rows(0, n), even, got_.sums.rows(0, got), from, ex_).wait();
    gather_counts(0);
    replicas_.all_gather_rows(sent_.rows.rows(0, own), got_.rows.rows(0, n), even, ex_).wait();
    replicas_.all_gather_rows(sent_.sums.rows(0, own), got_.sums.rows(0, n), even, ex_).wait();
  }

 private:
  RowList take(const char* label) {
    // A replica receives what all replicas hold of its range, or what all of them hold once: at
    // most a tile either way, rounded up by one row per replica.
    const std::int64_t n = tile_.count() + replicas_.size() * replicas_.size();
    return {ex_.scratch.take(DType::i32, {n}, label),
            ex_.scratch.take(DType::f32, {n, width_}, label)};
  }
  std::vector<std::int64_t> shares() const {
    std::vector<std::int64_t> n;
    for (int r = 0; r < replicas_.size(); ++r) {
      n.push_back(block_of(tile_.count(), r, replicas_.size()).count());
    }
    return n;
  }
  Range range_of(int replica) const {
    const Range r = block_of(tile_.count(), replica, replicas_.size());
    return {tile_.first + r.first, tile_.first + r.last};
  }

  /// Copies this replica's touched rows of the tile to sent_, by row; returns how many go to each.
  std::vector<std::int64_t> collect() const {
    const auto slots = sums_.slot_of_row.span<const std::int32_t>();
    const auto values = sums_.sums.span<const float>();
    const auto rows = sent_.rows.span<std::int32_t>();
    const auto out = sent_.sums.span<float>();
    std::vector<std::int64_t> to;
    std::size_t n = 0;
    for (int r = 0; r < replicas_.size(); ++r) {
      const std::size_t before = n;
      for (std::int64_t row = range_of(r).first; row < range_of(r).last; ++row) {
        const std::int32_t slot = slots[size_of(row)];
        if (slot < 0) continue;
        rows[n] = narrow<std::int32_t>(row);
        copy_row(values, size_of(slot), out, n++);
      }
      to.push_back(static_cast<std::int64_t>(n - before));
    }
    return to;
  }

  /// to[p] rows go from here to p; the answer's [p] come from p to here.
  std::vector<std::int64_t> transpose(const std::vector<std::int64_t>& to) {
    const std::int64_t n = replicas_.size();
    const View mine = counts_.rows(replicas_.rank(), replicas_.rank() + 1).as({n + 1}).part(0, {n});
    std::vector<std::int64_t> from(to.size());
    const std::vector<std::int64_t> ones(to.size(), 1);
    if (!ex_.measuring()) std::memcpy(mine.data(), to.data(), mine.bytes());
    replicas_.all_to_all(mine, ones, view_of(std::span<std::int64_t>(from), {n}), ones, ex_).wait();
    return from;
  }

  std::vector<std::int64_t> gather_counts(std::int64_t mine) {
    std::vector<std::int64_t> all(size_of(replicas_.size()), 0);
    all[size_of(replicas_.rank())] = mine;
    const View whole = view_of(std::span<std::int64_t>(all), {replicas_.size()});
    replicas_.all_gather(whole.rows(replicas_.rank(), replicas_.rank() + 1), whole, ex_).wait();
    return all;
  }

  /// Sums the lists of all replicas, each ascending by row, in replica order, into sent_.
  std::int64_t merge(const std::vector<std::int64_t>& from) const {
    const auto rows = got_.rows.span<const std::int32_t>();
    const auto in = got_.sums.span<const float>();
    const auto out_rows = sent_.rows.span<std::int32_t>();
    const auto out = sent_.sums.span<float>();
    std::vector<std::size_t> at(from.size());
    std::vector<std::size_t> end(from.size());
    for (std::size_t r = 0, n = 0; r < from.size(); ++r) {
      at[r] = n;
      n += size_of(from[r]);
      end[r] = n;
    }
    std::size_t merged = 0;
    const Range mine = range_of(replicas_.rank());
    for (std::int64_t row = mine.first; row < mine.last; ++row) {
      bool is_new = true;
      for (std::size_t r = 0; r < from.size(); ++r) {
        if (at[r] == end[r] || rows[at[r]] != row) continue;
        if (is_new) {
          copy_row(in, at[r], out, merged);
        } else {
          add_row(in, at[r], out, merged);
        }
        is_new = false;
        ++at[r];
      }
      if (!is_new) out_rows[merged++] = narrow<std::int32_t>(row);
    }
    return static_cast<std::int64_t>(merged);
  }

  /// Writes the sums over all replicas back; rows that are new here get the next slots.
  void store(std::int64_t total) {
    const auto rows = got_.rows.span<const std::int32_t>();
    const auto slots = sums_.slot_of_row.span<std::int32_t>();
    const auto row_of_slot = sums_.row_of_slot.span<std::int32_t>();
    for (std::size_t i = 0; i < size_of(total); ++i) {
      std::int32_t& slot = slots[size_of(static_cast<std::int64_t>(rows[i]))];
      if (slot < 0) {
        require(sums_.count < sums_.row_of_slot.extent(0), Fault::bug,
                "a step touched more pool rows than the bound of {}", sums_.row_of_slot.extent(0));
        slot = narrow<std::int32_t>(sums_.count++);
        row_of_slot[size_of(static_cast<std::int64_t>(slot))] = rows[i];
      }
      copy_row(got_.sums.span<const float>(), i, sums_.sums.span<float>(),
               static_cast<std::size_t>(slot));
    }
  }

  void copy_row(std::span<const float> in,
                std::size_t from,
                std::span<float> out,
                std::size_t to) const {
    const auto w = size_of(width_);
    std::memcpy(&out[to * w], &in[from * w], w * sizeof(float));
  }
  void add_row(std::span<const float> in,
               std::size_t from,
               std::span<float> out,
               std::size_t to) const {
    const auto w = size_of(width_);
    for (std::size_t c = 0; c < w; ++c) out[to * w + c] += in[from * w + c];
  }

  Exec& ex_;
  RowSums& sums_;
  Communicator& replicas_;
  Range tile_;
  std::int64_t width_;
  RowList sent_;
  RowList got_;
  View counts_;
};

}  // namespace

void reduce_row_sums(Exec& ex, RowSums& sums, Communicator& replicas) {
  const Scope scope("reduce_row_sums");
  if (replicas.size() == 1 || sums.sums.extent(1) == 0) return;
  constexpr std::int64_t tile_bytes = std::int64_t{32} << 20;
  const std::int64_t rows = sums.slot_of_row.extent(0);
  const std::int64_t step =
      std::clamp<std::int64_t>(tile_bytes / (4 * sums.sums.extent(1)), 1, rows);
  for (std::int64_t first = 0; first < rows; first += step) {
    const auto mark = ex.scratch.mark();
    TileExchange exchange(ex, sums, replicas, {first, std::min(rows, first + step)});
    if (ex.measuring()) {
      exchange.measure();
    } else {
      exchange.run();
    }
  }
}

void reduce_gradients(Exec& ex, ParamSet& ps, const Mesh& mesh) {
  const Scope scope("reduce_gradients");
  for (const Group g : trained_groups) {
    const View grad = ps.flat_grad(g);
    if (grad.given() && mesh.world().size() > 1)
      mesh.world().all_reduce(grad, Reduce::sum, ex).wait();
  }
  for (Param& p : ps.all()) {
    if (p.spec.grad == GradKind::sparse_rows) reduce_row_sums(ex, p.row_sums, mesh.data());
  }
}

}  // namespace mneme
