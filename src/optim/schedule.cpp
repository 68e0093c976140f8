#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mneme {

double schedule_factor(const ScheduleConfig& c, std::int64_t step, std::int64_t steps) {
  const auto at = static_cast<double>(step);
  const auto warmup = static_cast<double>(c.warmup);
  if (step < c.warmup) return at / warmup;
  const double behind = std::max(1.0, static_cast<double>(steps) - warmup);
  const double p = std::clamp((at - warmup) / behind, 0.0, 1.0);
  switch (c.kind) {
    case ScheduleKind::constant:
      return 1;
    case ScheduleKind::linear:
      return 1 - (1 - c.floor) * p;
    case ScheduleKind::cosine:
      return c.floor + (1 - c.floor) * (1 + std::cos(std::numbers::pi * p)) / 2;
    case ScheduleKind::inverse_sqrt:
      return std::max(c.floor, std::sqrt(std::max(1.0, warmup) / at));
    case ScheduleKind::warmup_stable_decay: {
      const double start = 1 - c.decay_share;
      if (p <= start || c.decay_share == 0) return 1;
      return 1 - (1 - c.floor) * (p - start) / c.decay_share;
    }
  }
  return 1;
}

}  // namespace mneme
