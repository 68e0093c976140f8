#pragma once

#include <memory>
#include <vector>

#include "optim/optimizer_config.h"
#include "optim/pool_keeper.h"
#include "params/param_set.h"

namespace mneme {

/// AdamW over all parameters, by group. Sees parameters, never modules.
class Optimizer {
 public:
  /// `steps` is the schedule's length. Registers itself as the keeper of the pools' rows.
  Optimizer(const OptimizerConfig& config,
            std::int64_t steps,
            std::uint64_t seed,
            ParamSet& ps,
            bool pool_master);
  ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// After ParamSet::allocate: moments of every parameter.
  void allocate(Arena& optimizer);
  /// For reading a trained model: only what brings pool rows up to date (pool_update: exact).
  void allocate_keepers(Arena& optimizer);
  void initialise(Exec& ex);

  /// Step t (from 1) is about to run forward.
  void begin_step(std::int64_t step);
  /// Applies step t; gradients are multiplied by `scale_main` or, for pool rows, `scale_values`.
  void update(Exec& ex, std::int64_t step, double scale_main, double scale_values);
  /// Brings every pool row to step `step`.
  void settle(Exec& ex, std::int64_t step);
  /// Before training goes on from what was saved at `step` by a run of `steps` with other options:
  /// steps that pool rows still owe are those of the old options. Returns whether there were any.
  bool settle_debt(Exec& ex, const OptimizerConfig& saved, std::int64_t steps, std::int64_t step);

  /// The weights by name as evaluation after step `step` sees them, stored state left as it is.
  /// Rows that may lag are settled as they are asked for: before the next begin_step, while `ex`
  /// lives.
  std::vector<StateItem> settled_weights(Exec& ex, std::int64_t step);

  double lr(Group group, std::int64_t step) const {
    return adamw_step(config_, group, step, steps_).lr;
  }
  /// What was allocated, by name, for checkpoints.
  std::vector<StateItem> state_items() const;

 private:
  struct Moments {
    View m;
    View v;
  };
  OptimizerConfig config_;
  std::int64_t steps_;
  ParamSet* ps_;
  bool pool_master_;
  std::vector<Moments> moments_;                      // per parameter; none for sparse ones
  std::vector<std::unique_ptr<PoolKeeper>> keepers_;  // per parameter; null for dense ones
};

}  // namespace mneme
