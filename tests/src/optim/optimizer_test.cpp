#include "optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "src/optim/optimizer_fixture.h"

namespace mneme::test {
namespace {

constexpr double u = 0x1p-24;  // relative error of an f32 rounding

/// Every group with options of its own.
OptimizerConfig mixed_config(PoolUpdate mode) {
  OptimizerConfig c;
  c.lr = 1e-2;
  c.schedule = {.kind = ScheduleKind::cosine, .warmup = 5, .floor = 0.1, .decay_share = 0.2};
  c.pool_update = mode;
  c.vectors.beta1 = 0.8;
  c.embedding = {.lr = 3e-2, .weight_decay = 0.5};
  c.memory_keys = {.beta2 = 0.99, .schedule = FollowSchedule::constant};
  c.memory_values = {.lr = 2e-2, .weight_decay = 0.2};
  return c;
}

/// The rule itself, in doubles.
struct PlainAdamW {
  double w = 0, m = 0, v = 0;
  double moved = 0;  // sum of |steps|, for the bound
  void step(const AdamWStep& s, double gradient) {
    const auto t = static_cast<double>(s.step);
    w *= 1 - s.lr * s.weight_decay;
    m = s.beta1 * m + (1 - s.beta1) * gradient;
    v = s.beta2 * v + (1 - s.beta2) * gradient * gradient;
    const double move = s.lr * (m / (1 - std::pow(s.beta1, t))) /
                        (std::sqrt(v / (1 - std::pow(s.beta2, t))) + s.eps);
    w -= move;
    moved += std::abs(move) + s.lr;
  }
};

class PlainLoop : public testing::TestWithParam<PoolUpdate> {};
INSTANTIATE_TEST_SUITE_P(,
                         PlainLoop,
                         testing::Values(PoolUpdate::dense, PoolUpdate::exact, PoolUpdate::lazy),
                         [](const auto& mode) { return std::string(enum_name(mode.param)); });

TEST_P(PlainLoop, EqualsTheOptimizerInEveryGroup) {
  constexpr std::int64_t steps = 30;
  const OptimizerConfig config = mixed_config(GetParam());
  SomeParams some(config, steps);
  std::map<std::string, std::vector<PlainAdamW>> plain;
  for (const Param& p : some.params.all()) {
    for (const float w : p.weight.span<float>())
      plain[p.spec.name].push_back({.w = static_cast<double>(w)});
  }
  const auto before = plain;
  const auto touched = [](std::int64_t s) {
    return std::vector<std::int32_t>{0, static_cast<std::int32_t>(1 + s % 4),
                                     static_cast<std::int32_t>(s < 7 ? 6 : 7)};
  };
  for (std::int64_t s = 1; s <= steps; ++s) {
    // Other factors in each step: AdamW does not see a constant one.
    const double main = 1.0 / static_cast<double>(1 + s % 5);
    const double values = 1.0 / static_cast<double>(1 + s % 3);
    some.step(s, touched(s), main, values);
    for (const Param& p : some.params.all()) {
      if (!p.is_trained()) continue;
      AdamWStep rule = adamw_step(config, p.spec.group, s, steps);
      const bool is_pool = p.spec.group == Group::memory_values;
      auto& elements = plain[p.spec.name];
      for (std::size_t i = 0; i < elements.size(); ++i) {
        const auto row = static_cast<std::int32_t>(i / size_of(SomeParams::width));
        const auto rows = touched(s);
        const bool is_read = !is_pool || std::ranges::find(rows, row) != rows.end();
        if (!is_read && GetParam() == PoolUpdate::lazy) continue;
        const double g =
            static_cast<double>(SomeParams::gradient(p.spec.name, s, static_cast<std::int64_t>(i)));
        elements[i].step(rule, is_read ? g * (is_pool ? values : main) : 0);
      }
    }
  }
  some.optimizer->settle(some.ex, steps);
  for (const Param& p : some.params.all()) {
    const auto w = p.weight.span<float>();
    for (std::size_t i = 0; i < w.size(); ++i) {
      const PlainAdamW& e = plain[p.spec.name][i];
      // A step rounds the weight twice; its move carries the roundings of m, v and the quotient.
      const double bound = steps * 2 * u * (std::abs(e.w) + std::abs(before.at(p.spec.name)[i].w)) +
                           (steps + 16) * u * e.moved;
      EXPECT_NEAR(static_cast<double>(w[i]), e.w, bound) << p.spec.name << " " << i;
      if (!p.is_trained()) {
        EXPECT_EQ(static_cast<double>(w[i]), before.at(p.spec.name)[i].w);
      }
    }
  }
}

/// Weights that no step read and no decay reaches stay to the bit, whatever the mode.
TEST_P(PlainLoop, NeverShrinksRowsThatNobodyReadsByDefault) {
  OptimizerConfig config;
  config.weight_decay = 0.5;
  config.lr = 0.1;
  config.schedule.warmup = 0;
  config.pool_update = GetParam();
  SomeParams some(config, 20);
  const auto all = some.pool().weight.span<float>();
  const std::vector<float> before(all.begin(), all.end());
  for (std::int64_t s = 1; s <= 20; ++s) some.step(s, {1, 2}, 1, 1);
  some.optimizer->settle(some.ex, 20);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto row = i / size_of(SomeParams::width);
    if (row == 1 || row == 2) {
      EXPECT_NE(all[i], before[i]);
    } else {
      EXPECT_EQ(all[i], before[i]) << "row " << row;
    }
  }
}

/// Rows that each step reads: some always, some once in each half, some in one half, some never.
std::vector<std::int32_t> reads_of(std::int64_t s) {
  std::vector<std::int32_t> rows{2};
  if (s == 1 || s == 2) rows.push_back(0);
  if ((s >= 3 && s <= 5) || s == 30) rows.push_back(1);
  if (s == 15 || s == 40) rows.push_back(3);
  if (s == 18 || s == 20) rows.push_back(4);
  if (s == 25) rows.push_back(6);
  if (s == 10 || s == 21) rows.push_back(7);
  return rows;
}

/// 20 steps by one config, then, from the state as saved, to 40 by another.
std::unique_ptr<SomeParams> changed_at_20(PoolUpdate mode,
                                          OptimizerConfig first,
                                          OptimizerConfig second) {
  first.pool_update = second.pool_update = mode;
  SomeParams saved(first, 100);
  for (std::int64_t s = 1; s <= 20; ++s) saved.step(s, reads_of(s), 1, 1);
  auto resumed = std::make_unique<SomeParams>(second, 40);
  resumed->load(saved);
  EXPECT_EQ(resumed->optimizer->settle_debt(resumed->ex, first, 100, 20),
            mode == PoolUpdate::exact);
  for (std::int64_t s = 21; s <= 40; ++s) resumed->step(s, reads_of(s), 1, 1);
  resumed->optimizer->settle(resumed->ex, 40);
  return resumed;
}

void expect_exact_is_dense(const OptimizerConfig& first, const OptimizerConfig& second) {
  const auto dense = changed_at_20(PoolUpdate::dense, first, second);
  const auto exact = changed_at_20(PoolUpdate::exact, first, second);
  const auto a = dense->pool().weight.span<float>();
  const auto b = exact->pool().weight.span<float>();
  const double lr = std::max(first.memory_values.lr.value(), second.memory_values.lr.value());
  for (std::size_t i = 0; i < a.size(); ++i) {
    // As the kernel's test of exact against dense has it.
    const double ulp = 2 * u * (std::abs(static_cast<double>(a[i])) + 2);
    const double bound = 2 * ulp + 40 * u * 40 * lr + 0.5 * 40 * ulp;
    EXPECT_NEAR(static_cast<double>(a[i]), static_cast<double>(b[i]), bound)
        << "row " << i / size_of(SomeParams::width);
  }
}

TEST(ChangedOptions, ExactIsDenseWhenTheLearningRateChanges) {
  const OptimizerConfig first = mixed_config(PoolUpdate::exact);
  OptimizerConfig second = first;
  second.memory_values.lr = 0.2;
  expect_exact_is_dense(first, second);
}

TEST(ChangedOptions, ExactIsDenseWhenTheDecayChanges) {
  const OptimizerConfig first = mixed_config(PoolUpdate::exact);
  OptimizerConfig second = first;
  second.memory_values.weight_decay = 2;
  expect_exact_is_dense(first, second);
}

TEST(ChangedOptions, ExactIsDenseWhenTheScheduleChanges) {
  const OptimizerConfig first = mixed_config(PoolUpdate::exact);
  OptimizerConfig second = first;
  second.schedule = {.kind = ScheduleKind::linear, .warmup = 0};
  expect_exact_is_dense(first, second);
}

TEST(ChangedOptions, ExactIsDenseWhenTheBetasChange) {
  const OptimizerConfig first = mixed_config(PoolUpdate::exact);
  OptimizerConfig second = first;
  second.memory_values.beta1 = 0.5;
  second.memory_values.beta2 = 0.8;
  expect_exact_is_dense(first, second);
}

/// What a plain resume must keep: not one bit moves when nothing has changed for the pool.
TEST(ChangedOptions, NothingIsSettledWhenThePoolsOptionsAreTheSame) {
  const OptimizerConfig first = mixed_config(PoolUpdate::exact);
  OptimizerConfig second = first;
  second.matrices.lr = 0.5;
  SomeParams saved(first, 40);
  for (std::int64_t s = 1; s <= 20; ++s) saved.step(s, reads_of(s), 1, 1);
  SomeParams resumed(second, 40);
  resumed.load(saved);
  EXPECT_FALSE(resumed.optimizer->settle_debt(resumed.ex, first, 40, 20));
  const auto before = saved.state();
  const auto after = resumed.state();
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(std::memcmp(before[i].local.data(), after[i].local.data(), before[i].local.bytes()),
              0)
        << before[i].name;
  }
}

TEST(TwoModels, OptimizersInOneProcessShareNothing) {
  const OptimizerConfig config = mixed_config(PoolUpdate::exact);
  SomeParams alone(config, 40);
  for (std::int64_t s = 1; s <= 10; ++s) alone.step(s, reads_of(s), 1, 1);
  std::vector<std::vector<std::byte>> wanted;
  for (const StateItem& item : alone.state()) {
    const auto raw = item.local.raw();
    wanted.emplace_back(raw.begin(), raw.end());
  }
  SomeParams first(config, 40);
  SomeParams second(config, 40);
  for (std::int64_t s = 1; s <= 10; ++s) {
    first.step(s, reads_of(s), 1, 1);
    second.step(s, {static_cast<std::int32_t>(9 - s % 3)}, 0.1, 0.1);
  }
  const auto found = first.state();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(std::memcmp(wanted[i].data(), found[i].local.data(), wanted[i].size()), 0)
        << found[i].name;
  }
}

}  // namespace
}  // namespace mneme::test
