#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/enum_names.h"
#include "config/schema.h"

namespace mneme {

enum class ScheduleKind : std::uint8_t {
  constant,
  linear,
  cosine,
  inverse_sqrt,
  warmup_stable_decay
};

template <>
struct EnumNames<ScheduleKind> {
  static constexpr std::array table{
      std::pair{ScheduleKind::constant, std::string_view("constant")},
      std::pair{ScheduleKind::linear, std::string_view("linear")},
      std::pair{ScheduleKind::cosine, std::string_view("cosine")},
      std::pair{ScheduleKind::inverse_sqrt, std::string_view("inverse_sqrt")},
      std::pair{ScheduleKind::warmup_stable_decay, std::string_view("warmup_stable_decay")}};
};

/// How the learning rate moves over the steps of a run.
struct ScheduleConfig {
  ScheduleKind kind = ScheduleKind::cosine;
  std::int64_t warmup = 2000;
  double floor = 0.01;
  double decay_share = 0.2;

  static void describe(Schema<ScheduleConfig>& s) {
    s.field("kind", &ScheduleConfig::kind, "", "the curve after warm-up")
        .field("warmup", &ScheduleConfig::warmup, "steps", "linear warm-up from 0", non_negative())
        .field("floor", &ScheduleConfig::floor, "", "lowest factor, as a share of the peak",
               in_range(0, 1))
        .field("decay_share", &ScheduleConfig::decay_share, "",
               "warmup_stable_decay: share of the steps, at the end, that decay linearly",
               in_range(0, 1));
  }
};
static_assert(Config<ScheduleConfig>);

/// The factor on the peak learning rate in `step` (from 1) of a run of `steps`. With w = warmup and
/// p = (step - w) / (steps - w): step/w up to w; then 1, 1-(1-floor)*p,
/// floor+(1-floor)*(1+cos(pi*p))/2, max(floor, sqrt(w/step)), or 1 until the last decay_share and
/// linear from there.
double schedule_factor(const ScheduleConfig& config, std::int64_t step, std::int64_t steps);

}  // namespace mneme
