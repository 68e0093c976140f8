#pragma once

#include <cstdint>
#include <vector>

#include "base/math.h"
#include "comm/communicator.h"
#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// Counts how often each pool row is read in training, per memory layer and head, since the last
/// summary. Each rank of a memory group counts one range of the rows, over all tokens of the group.
class PoolUse {
 public:
  struct Line {
    std::int64_t layer = 0;  // ordinal of the memory layer
    std::int64_t head = 0;
    double touched = 0;         // share of the rows read at least once
    double effective_rows = 0;  // exp(entropy of the reads over the rows)
  };
  struct Summary {
    std::vector<Line> lines;
    double touched = 0;  // share of the rows of all pools that any layer or head read
    double effective_rows = 0;
  };

  /// Counters for memory layers of `heads` heads over `rows` rows, at zero, come from `arena`;
  /// pool_of_layer[l] is the number of the pool that memory layer l reads.
  PoolUse(Exec& ex,
          std::vector<std::int64_t> pool_of_layer,
          std::int64_t heads,
          std::int64_t rows,
          const Communicator& memory_axis,
          Arena& arena);

  /// Adds one memory layer's reads: rows (n, H*k) i32 of all tokens of the group.
  void count(Exec& ex, std::int64_t layer, ConstView rows) const;

  /// Over all ranks, the same on each: then counting starts anew. Collective.
  Summary summarise(Exec& ex, Communicator& memory_axis, Communicator& data_axis) const;

 private:
  std::vector<std::int64_t> pool_of_layer_;
  std::int64_t heads_;
  std::int64_t rows_;
  Range range_;
  View counts_;  // (layers*H, rows of the range) i32
};

}  // namespace mneme
