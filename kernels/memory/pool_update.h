#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "kernels/memory/row_sums.h"
#include "kernels/optim/adamw.h"

#include "base/enum_names.h"
#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// How the pool's rows are updated.
enum class PoolUpdate : std::uint8_t {
  dense,  // AdamW over all rows in every step: the reference
  exact,  // equals dense to rounding, touching only rows that are read
  lazy    // moments and decay of unread rows wait: cheapest, and a different optimizer
};

template <>
struct EnumNames<PoolUpdate> {
  static constexpr std::array table{std::pair{PoolUpdate::dense, std::string_view("dense")},
                                    std::pair{PoolUpdate::exact, std::string_view("exact")},
                                    std::pair{PoolUpdate::lazy, std::string_view("lazy")}};
};

/// What the dense rule applied in each past step, for the replay of rows that were not read. Index
/// s is step s, counted from 1; index 0 is unused.
struct PoolHistory {
  std::span<const double> lr;         // learning rate of step s
  std::span<const double> log_decay;  // sum over steps 1..s of log(1 - lr*weight_decay): their
                                      // product would leave f64 in a run with a strong decay
  double weight_decay = 0;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
};

/// A rank's columns of the pool with everything the optimizer keeps per row.
struct PoolState {
  View values;  // (R, W) f32 or bf16
  View master =
      {};  // (R, W) f32, only with bf16 values: the copy that is updated, values its rounding
  View m;  // (R, W) f32
  View v;  // (R, W) f32
  View last = {};  // (R) i32: the last step applied to a row; only for `exact`
  /// bf16 values without master are rounded stochastically: Philox(seed, purpose), counter (step,
  /// global element), where an element is (first_row+row)*global_width + first_column + column.
  std::uint64_t seed = 0;
  std::int64_t global_width = 0;
  std::int64_t first_column = 0;
  std::int64_t first_row = 0;  // of the pool, where the state is a part of its rows
};

/// Brings rows forward to step `to` by replaying the dense rule with zero gradient through the
/// steps last+1 .. to. The loop over steps stops once what is left to move is below half an ulp of
/// the weight (terms shrink by beta1/sqrt(beta2) a step); decay and moments then take their closed
/// forms. Rows may repeat; a row is replayed once. Does nothing for rows whose last >= to.
struct PoolCatchUp {
  PoolState* state = nullptr;
  ConstView rows;  // any shape, i32
  PoolHistory history;
  std::int64_t to = 0;
  void validate() const;
};
void pool_catch_up(Exec& ex, const PoolCatchUp& a);

/// The same without changing the pool: caught-up copies of the distinct lagging rows among `rows`.
/// Returns how many there are; patch_of_read[i] is the copy's index, or -1 for rows that are
/// current.
struct PoolPatch {
  const PoolState* state = nullptr;
  ConstView rows;  // (n, J) i32
  PoolHistory history;
  std::int64_t to = 0;
  View patch;          // (capacity, W) f32; capacity >= the number of distinct lagging rows
  View patch_of_read;  // (n, J) i32
  void validate() const;
};
std::int64_t pool_patch(Exec& ex, const PoolPatch& a);

/// One optimizer step on the pool: sum, scale and AdamW in one pass over the touched rows (over all
/// rows for `dense`). `exact` first replays touched rows to step-1 and sets last = step.
struct PoolUpdateStep {
  PoolState* state = nullptr;
  const RowSums* sums = nullptr;
  PoolUpdate mode = PoolUpdate::exact;
  AdamWStep step;
  PoolHistory history;  // for `exact`
  void validate() const;
};
void pool_update(Exec& ex, const PoolUpdateStep& a);

}  // namespace mneme
