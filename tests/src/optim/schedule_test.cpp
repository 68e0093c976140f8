#include "optim/schedule.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "optim/optimizer_config.h"

namespace mneme::test {
namespace {

ScheduleConfig of(ScheduleKind kind, std::int64_t warmup = 100) {
  return {.kind = kind, .warmup = warmup, .floor = 0.1, .decay_share = 0.25};
}

constexpr std::int64_t run_steps = 1100;

TEST(Schedule, EveryCurveWarmsUpFromAHundredthOfAHundredToOne) {
  for (const auto& [kind, name] : EnumNames<ScheduleKind>::table) {
    EXPECT_DOUBLE_EQ(schedule_factor(of(kind), 1, run_steps), 0.01) << name;
    EXPECT_DOUBLE_EQ(schedule_factor(of(kind), 50, run_steps), 0.5) << name;
    EXPECT_DOUBLE_EQ(schedule_factor(of(kind), 99, run_steps), 0.99) << name;
    EXPECT_DOUBLE_EQ(schedule_factor(of(kind), 100, run_steps), 1) << name;
  }
}

TEST(Schedule, WithoutWarmUpTheFirstStepIsOnTheCurve) {
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::constant, 0), 1, 10), 1);
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::linear, 0), 1, 10), 1 - 0.9 * 0.1);
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::inverse_sqrt, 0), 1, 10), 1);
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::inverse_sqrt, 0), 4, 10), 0.5);
}

/// Half way, and the last step; behind it the value of the last step stays.
TEST(Schedule, CurvesHalfWayAtTheEndAndBehindIt) {
  struct Corner {
    ScheduleKind kind;
    double half;
    double end;
  };
  const std::vector<Corner> corners{{ScheduleKind::constant, 1, 1},
                                    {ScheduleKind::linear, 0.55, 0.1},
                                    {ScheduleKind::cosine, 0.55, 0.1},
                                    {ScheduleKind::inverse_sqrt, std::sqrt(100.0 / 600), 0.0},
                                    {ScheduleKind::warmup_stable_decay, 1, 0.1}};
  for (const Corner& c : corners) {
    const double end = c.end > 0 ? c.end : std::sqrt(100.0 / 1100);
    EXPECT_NEAR(schedule_factor(of(c.kind), 600, run_steps), c.half, 1e-15) << enum_name(c.kind);
    EXPECT_NEAR(schedule_factor(of(c.kind), run_steps, run_steps), end, 1e-15) << enum_name(c.kind);
    if (c.kind == ScheduleKind::inverse_sqrt) continue;
    EXPECT_NEAR(schedule_factor(of(c.kind), 2 * run_steps, run_steps), end, 1e-15)
        << enum_name(c.kind);
  }
}

TEST(Schedule, InverseRootStopsAtTheFloor) {
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::inverse_sqrt), 9999, run_steps),
                   std::sqrt(100.0 / 9999));
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::inverse_sqrt), 10000, run_steps), 0.1);
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::inverse_sqrt), 1000000, run_steps), 0.1);
}

TEST(Schedule, StableUntilTheLastQuarterThenLinear) {
  const ScheduleConfig c = of(ScheduleKind::warmup_stable_decay);
  EXPECT_DOUBLE_EQ(schedule_factor(c, 850, run_steps), 1);
  EXPECT_LT(schedule_factor(c, 851, run_steps), 1);
  EXPECT_NEAR(schedule_factor(c, 975, run_steps), 0.55, 1e-15);
  EXPECT_NEAR(schedule_factor(c, 1100, run_steps), 0.1, 1e-15);
  ScheduleConfig never = c;
  never.decay_share = 0;
  EXPECT_DOUBLE_EQ(schedule_factor(never, 1100, run_steps), 1);
}

TEST(Schedule, ARunThatEndsInItsWarmUpHasNoCurve) {
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::cosine), 40, 40), 0.4);
  EXPECT_DOUBLE_EQ(schedule_factor(of(ScheduleKind::cosine), 100, 100), 1);
}

TEST(Schedule, AGroupMayKeepItsLearningRate) {
  OptimizerConfig c;
  c.lr = 2;
  c.schedule = of(ScheduleKind::linear);
  c.memory_values.lr = 3;
  c.memory_keys.schedule = FollowSchedule::constant;
  const auto lr = [&](Group g, std::int64_t s) { return adamw_step(c, g, s, run_steps).lr; };
  EXPECT_DOUBLE_EQ(lr(Group::matrices, 10), 0.2);
  EXPECT_DOUBLE_EQ(lr(Group::memory_values, 10), 0.3);
  EXPECT_DOUBLE_EQ(lr(Group::memory_keys, 10), 2);
  EXPECT_NEAR(lr(Group::memory_values, run_steps), 0.3, 1e-15);
}

TEST(Schedule, MatricesAndEmbeddingDecayAndNothingElseUnlessSet) {
  OptimizerConfig c;
  const auto decay = [&](Group g) { return adamw_step(c, g, 1, run_steps).weight_decay; };
  EXPECT_EQ(decay(Group::matrices), 0.1);
  EXPECT_EQ(decay(Group::embedding), 0.1);
  EXPECT_EQ(decay(Group::vectors), 0);
  EXPECT_EQ(decay(Group::memory_keys), 0);
  EXPECT_EQ(decay(Group::memory_values), 0);
  c.memory_values.weight_decay = 0.3;
  EXPECT_EQ(decay(Group::memory_values), 0.3);
}

}  // namespace
}  // namespace mneme::test
