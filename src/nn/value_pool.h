#pragma once

#include "comm/communicator.h"
#include "nn/memory_config.h"
#include "nn/pass.h"
#include "nn/pool_use.h"
#include "params/param_set.h"

namespace mneme {

/// The value table that memory layers share. Its columns are split over the mesh axis "memory"; all
/// communication of the method is inside `read` and `backward`, in chunks of tokens, so that
/// nothing grows with the number of ranks but the gathered rows of one chunk.
class ValuePool {
 public:
  struct Options {
    std::int64_t rows = 0;
    std::int64_t width = 0;
    std::int64_t touched_rows = 0;  // the most rows that one optimizer step can touch
    PoolType type = PoolType::f32;
    Exchange exchange = Exchange::all_to_all;
  };
  ValuePool(const ParamScope& scope, const Options& options, Communicator& memory_axis);

  /// out[t,:] = sum_j weights[t,j] * values[rows[t,j],:]     t: this rank's tokens
  ///   1. all-gather rows and weights over the axis        (M*c, J)     c: tokens of a chunk
  ///   2. weighted row sum over this rank's columns        (M*c, W/M)
  ///   3. all-to-all, column slices for token slices       (c, W)
  /// rows (T, J) i32, weights (T, J) f32, out (T, W) f32; the same T on all ranks of the axis.
  /// In training rows are caught up in place first and counted in pass.use as `layer`.
  void read(Exec& ex,
            ParamSet& ps,
            const Pass& pass,
            ConstView rows,
            ConstView weights,
            View out,
            std::int64_t layer) const;

  /// The same three steps backwards: dweights (T, J) overwritten, summed over the axis in rank
  /// order; the touched rows' sums of values' gradient are added to.
  void backward(Exec& ex,
                ParamSet& ps,
                ConstView rows,
                ConstView weights,
                ConstView dout,
                View dweights) const;

  ParamId values() const { return values_; }

 private:
  struct Chunk;
  std::int64_t chunk_tokens(std::int64_t tokens, std::int64_t reads, bool with_patch) const;
  Chunk gather(Exec& ex, ConstView rows, ConstView weights) const;
  std::vector<std::int64_t> column_counts(std::int64_t tokens) const;
  void collect(Exec& ex, ConstView partial, View out) const;
  void distribute(Exec& ex, ConstView dout, View columns) const;

  Options options_;
  ParamId values_;
  Communicator* axis_;
};

}  // namespace mneme
