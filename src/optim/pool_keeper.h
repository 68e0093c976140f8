#pragma once

#include <cstdint>
#include <vector>

#include "kernels/memory/pool_update.h"

#include "optim/optimizer_config.h"
#include "params/param_set.h"

namespace mneme {

/// The optimizer of one pool: its moments, the last step of each row, and the history by which rows
/// that were not read are replayed.
class PoolKeeper : public RowKeeper {
 public:
  PoolKeeper(const OptimizerConfig& config, std::int64_t steps, std::uint64_t seed, ParamId pool);

  /// Moments (R, W/M) f32, `last` (R) i32 for pool_update: exact, an f32 master copy if asked for.
  void allocate(const ParamSet& ps, bool master, Arena& optimizer);
  /// Moments to zero, last to 0, the master copy to the values.
  void initialise(Exec& ex);

  /// Step t is about to run: what is read from now on must be at step t-1.
  void begin_step(std::int64_t step);
  void catch_up(Exec& ex, ConstView rows) override;
  RowPatch patch(Exec& ex, ConstView rows, Arena& keep) const override;
  /// Applies step t to the touched rows (all rows with pool_update: dense).
  void update(Exec& ex, const RowSums& sums, std::int64_t step, double grad_scale);
  /// Brings every row to step `step`, by the history of this optimizer.
  void settle(Exec& ex, std::int64_t step);
  /// After a load of what a run with other options saved at `step`: rows that lag owe steps of that
  /// run's rule. Brings every row to `step` by it, where it applied anything else than this one
  /// would have; returns whether it did.
  bool settle_debt(Exec& ex, const OptimizerConfig& saved, std::int64_t steps, std::int64_t step);
  /// Whether rows may lag behind the step.
  bool may_lag() const { return is_exact(); }
  /// Rows first, first + 1, .. as they are read now (after begin_step) into `out` (n, W/M) of the
  /// pool's dtype, stored state left as it is. Only where rows may lag. Scratch: 4096 rows.
  void settled_rows(Exec& ex, std::int64_t first, const View& out) const;

  std::vector<StateItem> state_items(const ParamSet& ps) const;

 private:
  PoolHistory history() const;
  bool replays_as(const PoolKeeper& other, std::int64_t step) const;
  bool is_exact() const { return config_.pool_update == PoolUpdate::exact; }

  OptimizerConfig config_;
  std::int64_t steps_;
  std::uint64_t seed_;
  ParamId pool_;
  PoolState state_;
  std::int64_t ready_ = 0;              // rows are read as of this step
  std::vector<double> lr_{0.0};         // by step, from 1
  std::vector<double> log_decay_{0.0};  // by step: sum of log(1 - lr*weight_decay)
};

}  // namespace mneme
