#pragma once

#include <optional>

#include "kernels/memory/pool_update.h"

#include "optim/schedule.h"
#include "params/spec.h"

namespace mneme {

enum class FollowSchedule : std::uint8_t { follow, constant };

template <>
struct EnumNames<FollowSchedule> {
  static constexpr std::array table{
      std::pair{FollowSchedule::follow, std::string_view("follow")},
      std::pair{FollowSchedule::constant, std::string_view("constant")}};
};

/// What a group of parameters has of its own; what is left out (null) is the optimizer's.
struct GroupConfig {
  std::optional<double> lr = std::nullopt;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> beta1 = std::nullopt;
  std::optional<double> beta2 = std::nullopt;
  FollowSchedule schedule = FollowSchedule::follow;

  static void describe(Schema<GroupConfig>& s) {
    s.field("lr", &GroupConfig::lr, "1/step", "peak learning rate of this group", positive())
        .field("weight_decay", &GroupConfig::weight_decay, "1/step", "decoupled decay, times lr",
               non_negative())
        .field("beta1", &GroupConfig::beta1, "", "decay of the first moment", in_range(0, 0.9999))
        .field("beta2", &GroupConfig::beta2, "", "decay of the second moment",
               in_range(0, 0.999999))
        .field("schedule", &GroupConfig::schedule, "", "follow the schedule, or keep lr constant");
  }
};
static_assert(Config<GroupConfig>);

/// AdamW with its groups, clipping and the pool's update rule.
struct OptimizerConfig {
  double lr = 6e-4;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
  ScheduleConfig schedule;
  double clip = 1.0;
  double clip_values = 1.0;
  PoolUpdate pool_update = PoolUpdate::exact;
  GroupConfig matrices;
  GroupConfig vectors;
  GroupConfig embedding;
  GroupConfig memory_keys;
  GroupConfig memory_values{.lr = 1e-3};

  static void describe(Schema<OptimizerConfig>& s);
  const GroupConfig& group(Group g) const;
};
static_assert(Config<OptimizerConfig>);

/// What AdamW applies to a group in `step` (from 1) of a run of `steps`; grad_scale is 1. The
/// default weight decay is the optimizer's for matrices and embedding, 0 for the other groups.
AdamWStep adamw_step(const OptimizerConfig& config,
                     Group group,
                     std::int64_t step,
                     std::int64_t steps);

}  // namespace mneme
