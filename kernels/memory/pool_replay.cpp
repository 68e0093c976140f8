#include "kernels/memory/pool_replay.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mneme::cpu {

PoolReplay::PoolReplay(const PoolHistory& history, std::int64_t to)
    : history_(history),
      to_(to),
      beta1_(static_cast<double>(static_cast<float>(history.beta1))),
      beta2_(static_cast<double>(static_cast<float>(history.beta2))),
      tail_eps_(beta1_ / (1 - beta1_)) {
  for (std::int64_t s = 1; s <= to; ++s) lr_max_ = std::max(lr_max_, history.lr[size_of(s)]);
  const double r = beta2_ == 0 ? 2 : beta1_ / std::sqrt(beta2_);
  tail_root_ = r < 1 ? r / (1 - r) : std::numeric_limits<double>::infinity();
}

void PoolReplay::weights(
    std::int64_t last, std::int64_t width, float* w, const float* m, const float* v) const {
  for (std::int64_t c = 0; c < width; ++c) {
    const double m0 = static_cast<double>(m[c]);
    const double root0 = std::sqrt(static_cast<double>(v[c]));
    double weight = static_cast<double>(w[c]);
    std::int64_t s = last;
    while (s < to_) {
      ++s;
      const auto i = static_cast<double>(s - last);
      const double kept = history_.decay[size_of(s)] / history_.decay[size_of(s - 1)];
      const double bias1 = 1 - std::pow(history_.beta1, static_cast<double>(s));
      const double bias2 = 1 - std::pow(history_.beta2, static_cast<double>(s));
      const double ms = m0 * std::pow(beta1_, i);
      const double root = root0 * std::pow(beta2_, i / 2);
      const double x =
          history_.lr[size_of(s)] / bias1 * ms / (root / std::sqrt(bias2) + history_.eps);
      weight = static_cast<double>(static_cast<float>(weight * kept));
      weight = static_cast<double>(static_cast<float>(weight - x));
      const double rest = history_.decay[size_of(to_)] / history_.decay[size_of(s)];
      const double left = lr_max_ * std::abs(ms) / bias1 *
                          std::min(tail_root_ / (root + history_.eps), tail_eps_ / history_.eps);
      if (left <= std::abs(weight) * rest * 0x1p-25) {
        weight *= rest;
        break;
      }
    }
    w[c] = static_cast<float>(weight);
  }
}

void PoolReplay::moments(std::int64_t last, std::int64_t width, float* m, float* v) const {
  const auto i = static_cast<double>(to_ - last);
  const auto b1 = static_cast<float>(std::pow(beta1_, i));
  const auto b2 = static_cast<float>(std::pow(beta2_, i));
  for (std::int64_t c = 0; c < width; ++c) {
    m[c] *= b1;
    v[c] *= b2;
  }
}

void PoolReplay::row(const PoolRows& pool, std::int64_t row, std::int64_t last, int thread) const {
  if (last >= to_) return;
  float* w = pool.load(row, thread);
  weights(last, pool.width(), w, pool.m(row), pool.v(row));
  moments(last, pool.width(), pool.m(row), pool.v(row));
  pool.store(row, w, to_);
}

}  // namespace mneme::cpu
