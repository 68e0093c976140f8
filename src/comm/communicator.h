#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comm/pending.h"
#include "comm/reduce.h"
#include "comm/signature.h"
#include "comm/traffic.h"
#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// The ranks of one axis of the mesh. Counts and types come from the views, never from integers.
///
/// Every collective is called by all ranks of the communicator, in the same order. All of them are
/// made here from one exchange of pieces, which is what a back end provides; a floating-point
/// reduction is that exchange and a local sum in rank order, so that every back end gives the same
/// bits. Temporaries come from `ex.scratch` and stay near 16 MiB whatever the size of the views.
/// With `ex.measuring()` nothing is sent: shapes are checked, scratch and traffic are added up.
/// Errors: Fault::bug for views that do not fit, Fault::machine when the other ranks are lost.
class Communicator {
 public:
  virtual ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// "world", "data", "memory"
  std::string_view name() const { return name_; }

  /// whole = the `mine` of all ranks in rank order; `mine` may be its own place in `whole`.
  ///   mine n elements, whole size()*n elements, any dtype
  Pending all_gather(ConstView mine, View whole, Exec& ex);

  /// The same with pieces of different length, counted in rows (dimension 0).
  ///   mine (rows_from[rank()], ...), whole (sum of rows_from, ...), any dtype
  Pending all_gather_rows(ConstView mine,
                          View whole,
                          std::span<const std::int64_t> rows_from,
                          Exec& ex);

  /// The next rows_to[p] rows of `send` go to rank p, for p = 0, 1, ...; `recv` takes rows_from[p]
  /// rows from each rank p likewise. Counts may be 0; rows_to here equals rows_from there.
  ///   send (sum of rows_to, ...), recv (sum of rows_from, ...), rows of equal length, any dtype
  Pending all_to_all(ConstView send,
                     std::span<const std::int64_t> rows_to,
                     View recv,
                     std::span<const std::int64_t> rows_from,
                     Exec& ex);

  /// mine = sum over ranks r, in rank order, of piece rank() of r's `whole`.
  ///   whole size()*n elements, mine n elements (may be piece rank() of `whole`); f32, f64, i32,
  ///   i64
  Pending reduce_scatter(ConstView whole, View mine, Exec& ex);

  /// inout = sum (in rank order), max or min over the ranks; max and min give NaN if any rank has
  /// NaN.   inout f32, f64, i32, i64
  Pending all_reduce(View inout, Reduce op, Exec& ex);

  /// inout = rank root's inout, any dtype.
  Pending broadcast(View inout, int root, Exec& ex);

  /// Returns when all ranks are here.
  void barrier();

  /// Collective over all ranks: the ranks of equal `color` form a communicator, in order of `key`,
  /// then rank.
  std::unique_ptr<Communicator> split(std::string name, int color, int key);
  /// The same where each rank knows the ranks of its own group, in their new order. Collective over
  /// all ranks here; every rank must be in exactly one group.
  std::unique_ptr<Communicator> group(std::string name, std::span<const int> members);

  /// Bytes this rank sent since construction or the last reset, by operation.
  const Traffic& traffic() const { return traffic_; }
  void reset_traffic() { traffic_ = {}; }

 protected:
  /// Pieces to and from each rank, the own one included; piece lengths match on both sides.
  struct Transfer {
    std::vector<std::span<const std::byte>> to;  // (size())
    std::vector<std::span<std::byte>> from;      // (size())
  };

  Communicator(std::string name, int rank, int size, Signatures signatures);
  Signatures signatures() const { return signatures_; }

  /// Moves the pieces. Each rank calls it in the same order; the pieces stay alive until waited
  /// for.
  virtual Pending do_exchange(const char* op, Transfer transfer) = 0;
  virtual void do_barrier() = 0;
  virtual std::unique_ptr<Communicator> do_group(std::string name,
                                                 std::span<const int> members) = 0;

 private:
  Transfer empty_transfer() const;
  Pending exchange(const char* op, Transfer transfer, const Exec& ex);
  void count_call(const char* op);
  Traffic::Line& line_of(const char* op);
  void require_same_everywhere(const std::string& what);
  void require_counts_agree(const char* op,
                            std::span<const std::int64_t> rows_to,
                            std::span<const std::int64_t> rows_from);
  Pending gather_pieces(const char* op,
                        ConstView mine,
                        View whole,
                        std::span<const std::int64_t> counts,
                        const Exec& ex);
  void reduce_pieces(
      const char* op, std::span<const ConstView> to, View mine, Reduce how, Exec& ex);
  void all_reduce_tile(View tile, Reduce op, Exec& ex);

  std::string name_;
  int rank_;
  int size_;
  Signatures signatures_;
  Traffic traffic_;
};

}  // namespace mneme
