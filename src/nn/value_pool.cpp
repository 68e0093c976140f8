#include "nn/value_pool.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/memory/pool_read.h"
#include "kernels/memory/row_sums.h"
#include "kernels/util/columns.h"
#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {

/// One chunk's rows and weights of all ranks of the axis.
struct ValuePool::Chunk {
  View rows;     // (M*c, J) i32
  View weights;  // (M*c, J) f32
};

ValuePool::ValuePool(const ParamScope& scope, const Options& o, Communicator& memory_axis)
    : options_(o),
      values_(scope.declare({.name = "values",
                             .shape = {o.rows, o.width},
                             .init = Normal{1.0 / std::sqrt(static_cast<double>(o.width))},
                             .group = Group::memory_values,
                             .place = Split{std::string(memory_axis.name()), 1},
                             .grad = GradKind::sparse_rows,
                             .type = o.type == PoolType::bf16 ? DType::bf16 : DType::f32,
                             .touched_rows = o.touched_rows})),
      axis_(&memory_axis) {
  require(
      o.width >= axis_->size(), Fault::user,
      "model.memory.value_width = {}: rows have fewer columns than mesh.memory = {} ranks, which "
      "each hold some of them; hint: fewer ranks for the memory axis, more for data",
      o.width, axis_->size());
}

std::int64_t ValuePool::chunk_tokens(std::int64_t tokens,
                                     std::int64_t reads,
                                     bool with_patch) const {
  // Bounds what a chunk takes on each rank to about 32 MiB, whatever the number of ranks.
  constexpr std::int64_t budget = std::int64_t{32} << 20;
  const std::int64_t per_token = axis_->size() * reads * (with_patch ? 16 : 12) +
                                 (with_patch ? 4 * reads * options_.width : 0) +
                                 12 * options_.width * (axis_->size() > 1 ? 2 : 1);
  return std::clamp<std::int64_t>(budget / per_token, 1, std::max<std::int64_t>(tokens, 1));
}

ValuePool::Chunk ValuePool::gather(Exec& ex, ConstView rows, ConstView weights) const {
  const std::int64_t n = axis_->size() * rows.extent(0);
  const Chunk all{ex.scratch.take(DType::i32, {n, rows.extent(1)}, "pool.rows"),
                  ex.scratch.take(DType::f32, {n, rows.extent(1)}, "pool.weights")};
  Pending gathering_rows = axis_->all_gather(rows, all.rows, ex);
  Pending gathering_weights = axis_->all_gather(weights, all.weights, ex);
  gathering_rows.wait();
  gathering_weights.wait();
  return all;
}

/// Elements that each rank of the axis holds of `tokens` whole rows.
std::vector<std::int64_t> ValuePool::column_counts(std::int64_t tokens) const {
  std::vector<std::int64_t> counts;
  for (std::int64_t m = 0; m < axis_->size(); ++m) {
    counts.push_back(tokens * block_of(options_.width, m, axis_->size()).count());
  }
  return counts;
}

/// Step 3: partial (M*c, W/M) of all tokens becomes out (c, W) of this rank's tokens.
void ValuePool::collect(Exec& ex, ConstView partial, View out) const {
  const std::int64_t ranks = axis_->size();
  const std::int64_t tokens = out.extent(0);
  if (ranks == 1) return copy(ex, partial, out);
  const auto mark = ex.scratch.mark();
  const std::vector<std::int64_t> own = column_counts(tokens);
  const bool gather_all = options_.exchange == Exchange::all_gather;
  const std::int64_t copies = gather_all ? ranks : 1;
  const View pieces =
      ex.scratch.take(DType::f32, {copies * tokens * options_.width}, "pool.pieces");
  if (gather_all) {
    std::vector<std::int64_t> whole = own;
    for (std::int64_t& n : whole) n *= ranks;
    axis_->all_gather_rows(partial.as({partial.count()}), pieces, whole, ex).wait();
  } else {
    const std::vector<std::int64_t> to(size_of(ranks), partial.count() / ranks);
    axis_->all_to_all(partial.as({partial.count()}), to, pieces, own, ex).wait();
  }
  std::int64_t offset = 0;
  for (std::int64_t m = 0; m < ranks; ++m) {
    const Range columns = block_of(options_.width, m, ranks);
    const std::int64_t mine = gather_all ? axis_->rank() * tokens * columns.count() : 0;
    put_columns(ex, pieces.part(offset + mine, {tokens, columns.count()}), out, columns.first);
    offset += copies * tokens * columns.count();
  }
}

/// Step 3 reversed: dout (c, W) of this rank's tokens becomes columns (M*c, W/M) of all tokens.
void ValuePool::distribute(Exec& ex, ConstView dout, View columns) const {
  const std::int64_t ranks = axis_->size();
  const std::int64_t tokens = dout.extent(0);
  if (ranks == 1) return copy(ex, dout, columns);
  const auto mark = ex.scratch.mark();
  const View pieces = ex.scratch.take(DType::f32, {dout.count()}, "pool.pieces");
  std::int64_t offset = 0;
  for (std::int64_t m = 0; m < ranks; ++m) {
    const Range block = block_of(options_.width, m, ranks);
    take_columns(ex, dout, block.first, pieces.part(offset, {tokens, block.count()}));
    offset += tokens * block.count();
  }
  const std::vector<std::int64_t> from(size_of(ranks), columns.count() / ranks);
  axis_->all_to_all(pieces, column_counts(tokens), columns.as({columns.count()}), from, ex).wait();
}

void ValuePool::read(Exec& ex,
                     ParamSet& ps,
                     const Pass& pass,
                     ConstView rows,
                     ConstView weights,
                     View out,
                     std::int64_t layer) const {
  const Scope scope("pool_read");
  Param& p = ps[values_];
  const std::int64_t tokens = rows.extent(0);
  const bool with_patch = p.keeper != nullptr && pass.mode == Mode::evaluate;
  const std::int64_t step = chunk_tokens(tokens, rows.extent(1), with_patch);
  for (std::int64_t t = 0; t < tokens; t += step) {
    const auto mark = ex.scratch.mark();
    const std::int64_t end = std::min(tokens, t + step);
    const Chunk all = gather(ex, rows.rows(t, end), weights.rows(t, end));
    RowPatch patch;
    if (with_patch) {
      patch = p.keeper->patch(ex, all.rows, ex.scratch);
    } else if (p.keeper != nullptr) {
      p.keeper->catch_up(ex, all.rows);
    }
    if (pass.use != nullptr && pass.mode == Mode::train) pass.use->count(ex, layer, all.rows);
    const View partial =
        ex.scratch.take(DType::f32, {all.rows.extent(0), p.block.shape[1]}, "pool.partial_rows");
    pool_read_forward(ex, {.values = p.weight,
                           .rows = all.rows,
                           .weights = all.weights,
                           .out = partial,
                           .patch = patch.rows,
                           .patch_of_read = patch.of_read});
    collect(ex, partial, out.rows(t, end));
  }
}

void ValuePool::backward(Exec& ex,
                         ParamSet& ps,
                         ConstView rows,
                         ConstView weights,
                         ConstView dout,
                         View dweights) const {
  const Scope scope("pool_backward");
  Param& p = ps[values_];
  const std::int64_t tokens = rows.extent(0);
  const std::int64_t step = chunk_tokens(tokens, rows.extent(1), false);
  for (std::int64_t t = 0; t < tokens; t += step) {
    const auto mark = ex.scratch.mark();
    const std::int64_t end = std::min(tokens, t + step);
    const Chunk all = gather(ex, rows.rows(t, end), weights.rows(t, end));
    const View columns =
        ex.scratch.take(DType::f32, {all.rows.extent(0), p.block.shape[1]}, "pool.dout_columns");
    distribute(ex, dout.rows(t, end), columns);
    const View partial = ex.scratch.take(DType::f32, all.weights.shape(), "pool.partial_dweights");
    pool_read_backward(
        ex, {.dout = columns, .values = p.weight, .rows = all.rows, .dweights = partial});
    axis_->reduce_scatter(partial, dweights.rows(t, end), ex).wait();
    const std::array reads{PoolReads{.rows = all.rows, .weights = all.weights, .dout = columns}};
    pool_accumulate(ex, {.reads = reads, .into = &p.row_sums});
  }
}

}  // namespace mneme
