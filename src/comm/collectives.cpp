// The collectives of Communicator, made of its exchange of pieces.
#include <algorithm>
#include <numeric>
#include <utility>

#include "base/math.h"
#include "comm/communicator.h"

namespace mneme {
namespace {

constexpr std::int64_t tile_bytes = std::int64_t{16} << 20;   // bound of a reduction's scratch
constexpr std::int64_t small_bytes = std::int64_t{16} << 10;  // one exchange is better than two

std::int64_t sum_of(std::span<const std::int64_t> counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

/// The shape as one dimension; a view of one row for rank 0.
template <class V>
V flat(const V& v) {
  return v.as({v.count()});
}

std::string described(std::string_view op, ConstView v) {
  return fmt::format("{} {} {}", op, enum_name(v.type()), v.count());
}

/// Elements of one row.
std::int64_t row_width(ConstView v) {
  return v.shape().row_count();
}

/// `mine` may be the own piece of `whole`, and may not overlap it otherwise.
void require_apart_or_own(ConstView mine,
                          ConstView whole,
                          std::span<const std::int64_t> counts,
                          int rank,
                          const char* op) {
  const std::int64_t before = sum_of(counts.first(size_of(rank)));
  if (mine.data() == whole.part(before, {mine.count()}).data()) return;
  require_apart(mine, whole, op, "the own piece and the whole");
}

}  // namespace

Pending Communicator::gather_pieces(const char* op,
                                    ConstView mine,
                                    View whole,
                                    std::span<const std::int64_t> counts,
                                    const Exec& ex) {
  require_apart_or_own(mine, whole, counts, rank_, op);
  Transfer t = empty_transfer();
  std::int64_t first = 0;
  for (int p = 0; p < size_; ++p) {
    t.to[size_of(p)] = mine.raw();
    t.from[size_of(p)] = whole.part(first, {counts[size_of(p)]}).raw();
    first += counts[size_of(p)];
  }
  return exchange(op, std::move(t), ex);
}

Pending Communicator::all_gather(ConstView mine, View whole, Exec& ex) {
  constexpr const char* op = "all_gather";
  require(mine.type() == whole.type() && whole.count() == mine.count() * size_, Fault::bug,
          "{} on '{}': {} {} of each of {} ranks do not make {} {}", op, name_, mine.count(),
          enum_name(mine.type()), size_, whole.count(), enum_name(whole.type()));
  if (!ex.measuring()) require_same_everywhere(described(op, mine));
  count_call(op);
  return gather_pieces(op, flat(mine), flat(whole),
                       std::vector<std::int64_t>(size_of(size_), mine.count()), ex);
}

Pending Communicator::all_gather_rows(ConstView mine,
                                      View whole,
                                      std::span<const std::int64_t> rows_from,
                                      Exec& ex) {
  constexpr const char* op = "all_gather_rows";
  const std::int64_t width = row_width(whole);
  require(rows_from.size() == size_of(size_) && mine.type() == whole.type() &&
              row_width(mine) == width && mine.extent(0) == rows_from[size_of(rank_)] &&
              whole.extent(0) == sum_of(rows_from),
          Fault::bug, "{} on '{}': mine {} {} of {} ranks with {} rows in all do not make {} {}",
          op, name_, enum_name(mine.type()), to_string(mine.shape()), rows_from.size(),
          sum_of(rows_from), enum_name(whole.type()), to_string(whole.shape()));
  if (!ex.measuring()) require_same_everywhere(described(op, whole));
  count_call(op);
  std::vector<std::int64_t> counts(rows_from.begin(), rows_from.end());
  for (std::int64_t& n : counts) n *= width;
  return gather_pieces(op, flat(mine), flat(whole), counts, ex);
}

Pending Communicator::all_to_all(ConstView send,
                                 std::span<const std::int64_t> rows_to,
                                 View recv,
                                 std::span<const std::int64_t> rows_from,
                                 Exec& ex) {
  constexpr const char* op = "all_to_all";
  require(rows_to.size() == size_of(size_) && rows_from.size() == size_of(size_), Fault::bug,
          "{} on '{}': row counts to {} and from {} ranks, wanted {}", op, name_, rows_to.size(),
          rows_from.size(), size_);
  require(send.type() == recv.type() && row_width(send) == row_width(recv), Fault::bug,
          "{} on '{}': rows of send {} {} and recv {} {} differ", op, name_, enum_name(send.type()),
          to_string(send.shape()), enum_name(recv.type()), to_string(recv.shape()));
  require(send.extent(0) == sum_of(rows_to) && recv.extent(0) == sum_of(rows_from), Fault::bug,
          "{} on '{}': {} rows to send and {} to receive, the counts add up to {} and {}", op,
          name_, send.extent(0), recv.extent(0), sum_of(rows_to), sum_of(rows_from));
  require_apart(send, recv, op, "send and recv");
  if (!ex.measuring()) {
    require_same_everywhere(
        fmt::format("{} {} rows of {}", op, enum_name(send.type()), row_width(send)));
    require_counts_agree(op, rows_to, rows_from);
  }
  count_call(op);
  Transfer t = empty_transfer();
  std::int64_t first_to = 0;
  std::int64_t first_from = 0;
  for (int p = 0; p < size_; ++p) {
    const std::int64_t n_to = rows_to[size_of(p)];
    const std::int64_t n_from = rows_from[size_of(p)];
    t.to[size_of(p)] = send.rows(first_to, first_to + n_to).raw();
    t.from[size_of(p)] = recv.rows(first_from, first_from + n_from).raw();
    first_to += n_to;
    first_from += n_from;
  }
  return exchange(op, std::move(t), ex);
}

/// mine = to[rank()] of all ranks, reduced in rank order; the others' pieces pass through scratch.
void Communicator::reduce_pieces(
    const char* op, std::span<const ConstView> to, View mine, Reduce how, Exec& ex) {
  const auto mark = ex.scratch.mark();
  const View theirs = ex.scratch.take(mine.type(), {size_ - 1, mine.count()}, "comm.pieces");
  Transfer t = empty_transfer();
  std::vector<ConstView> pieces(size_of(size_));
  for (int p = 0; p < size_; ++p) {
    if (p == rank_) {  // the own piece is read where it is
      pieces[size_of(p)] = to[size_of(p)];
      continue;
    }
    const std::int64_t slot = p < rank_ ? p : p - 1;
    const View piece = theirs.part(slot * mine.count(), {mine.count()});
    pieces[size_of(p)] = piece;
    t.to[size_of(p)] = to[size_of(p)].raw();
    t.from[size_of(p)] = piece.raw();
  }
  exchange(op, std::move(t), ex).wait();
  if (!ex.measuring()) reduce_in_order(pieces, mine, how);
}

Pending Communicator::reduce_scatter(ConstView whole, View mine, Exec& ex) {
  constexpr const char* op = "reduce_scatter";
  require_reducible(whole.type(), op);
  require(mine.type() == whole.type() && whole.count() == mine.count() * size_, Fault::bug,
          "{} on '{}': {} {} do not split into {} pieces of {} {}", op, name_, whole.count(),
          enum_name(whole.type()), size_, mine.count(), enum_name(mine.type()));
  if (!ex.measuring()) require_same_everywhere(described(op, whole));
  count_call(op);
  const std::int64_t n = mine.count();
  require_apart_or_own(mine, whole, std::vector<std::int64_t>(size_of(size_), n), rank_, op);
  const ConstView pieces = flat(whole);
  const auto element = static_cast<std::int64_t>(size_of(whole.type()));
  const std::int64_t tile = std::max<std::int64_t>(1, tile_bytes / (element * size_));
  for (std::int64_t begin = 0; begin < n; begin += tile) {
    const std::int64_t count = std::min(tile, n - begin);
    std::vector<ConstView> to;
    for (int p = 0; p < size_; ++p) to.push_back(pieces.part(p * n + begin, {count}));
    reduce_pieces(op, to, flat(mine).part(begin, {count}), Reduce::sum, ex);
  }
  return {};
}

/// Each rank reduces a block of the tile, then all gather the blocks. A small tile is gathered
/// whole and reduced everywhere: the same order of sums, so the same bits, in one exchange.
void Communicator::all_reduce_tile(View tile, Reduce op, Exec& ex) {
  constexpr const char* name = "all_reduce";
  const bool is_small = static_cast<std::int64_t>(tile.bytes()) * size_ <= small_bytes;
  if (is_small) {
    reduce_pieces(name, std::vector<ConstView>(size_of(size_), tile), tile, op, ex);
    return;
  }
  std::vector<ConstView> to;
  std::vector<std::int64_t> counts;
  View own;
  for (int p = 0; p < size_; ++p) {
    const Range block = block_of(tile.count(), p, size_);
    const View piece = tile.part(block.first, {block.count()});
    if (p == rank_) own = piece;
    to.push_back(piece);
    counts.push_back(block.count());
  }
  reduce_pieces(name, to, own, op, ex);
  gather_pieces(name, own, tile, counts, ex).wait();
}

Pending Communicator::all_reduce(View inout, Reduce op, Exec& ex) {
  constexpr const char* name = "all_reduce";
  require_reducible(inout.type(), name);
  if (!ex.measuring()) {
    require_same_everywhere(
        described(op == Reduce::sum ? name : fmt::format("{} {}", name, enum_name(op)), inout));
  }
  count_call(name);
  if (size_ == 1) return {};
  const View all = flat(inout);
  const std::int64_t tile = tile_bytes / static_cast<std::int64_t>(size_of(inout.type()));
  for (std::int64_t first = 0; first < all.count(); first += tile) {
    all_reduce_tile(all.rows(first, std::min(first + tile, all.count())), op, ex);
  }
  return {};
}

/// A large view is cut into blocks: the root sends each rank one, then all gather them, so that the
/// root sends the view about twice and not once per rank.
Pending Communicator::broadcast(View inout, int root, Exec& ex) {
  constexpr const char* op = "broadcast";
  require(root >= 0 && root < size_, Fault::bug, "{} on '{}' from rank {} of {}", op, name_, root,
          size_);
  if (!ex.measuring()) {
    require_same_everywhere(described(op, inout) + fmt::format(" from rank {}", root));
  }
  count_call(op);
  const View all = flat(inout);
  const bool in_blocks = size_ > 2 && static_cast<std::int64_t>(all.bytes()) * size_ > small_bytes;
  Transfer t = empty_transfer();
  std::vector<std::int64_t> counts;
  View own;
  for (int p = 0; p < size_; ++p) {
    const Range block = in_blocks ? block_of(all.count(), p, size_) : Range{0, all.count()};
    const View piece = all.part(block.first, {block.count()});
    if (p == rank_) own = piece;
    if (rank_ == root && p != root) t.to[size_of(p)] = piece.raw();
    counts.push_back(block.count());
  }
  if (rank_ != root) t.from[size_of(root)] = own.raw();
  Pending first = exchange(op, std::move(t), ex);
  if (!in_blocks) return first;
  first.wait();
  return gather_pieces(op, own, all, counts, ex);
}

}  // namespace mneme
