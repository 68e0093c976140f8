#include "kernels/memory/pool_replay.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/math.h"

namespace mneme::cpu {

PoolReplay::PoolReplay(const PoolHistory& history, std::int64_t to)
    : history_(history),
      to_(to),
      window_first_(std::max<std::int64_t>(1, to - window + 1)),
      beta1_(static_cast<double>(static_cast<float>(history.beta1))),
      beta2_(static_cast<double>(static_cast<float>(history.beta2))) {
  for (std::int64_t s = 1; s <= to; ++s) lr_max_ = std::max(lr_max_, history.lr[size_of(s)]);
  const double r = beta2_ == 0 ? 2 : beta1_ / std::sqrt(beta2_);
  tail_root_ = static_cast<float>(r < 1 ? r / (1 - r) : std::numeric_limits<double>::infinity());
  tail_eps_ = static_cast<float>(beta1_ / (1 - beta1_) / history.eps);
  // Powers by repeated products in double: 1024 of them lose 1e-13.
  double p1 = std::pow(history.beta1, static_cast<double>(window_first_));
  double p2 = std::pow(history.beta2, static_cast<double>(window_first_));
  for (std::int64_t s = window_first_; s <= to; ++s) {
    steps_[size_of(s - window_first_)] = make_step(s, p1, p2);
    p1 *= history.beta1;
    p2 *= history.beta2;
  }
  double gap1 = 1;
  double gap2 = 1;
  double root = 1;
  for (std::size_t i = 0; i <= size_of(window); ++i) {
    power1_[i] = static_cast<float>(gap1);
    power2_[i] = static_cast<float>(gap2);
    root2_[i] = static_cast<float>(root);
    gap1 *= beta1_;
    gap2 *= beta2_;
    root *= std::sqrt(beta2_);
  }
}

PoolReplay::Step PoolReplay::make_step(std::int64_t s, double p1, double p2) const {
  const double lr = history_.lr[size_of(s)];
  const double inverse_bias1 = 1 / (1 - p1);
  return {.decay = static_cast<float>(lr * history_.weight_decay),
          .step_size = static_cast<float>(lr * inverse_bias1),
          .root_scale = static_cast<float>(1 / std::sqrt(1 - p2)),
          .inverse_bias1 = static_cast<float>(inverse_bias1)};
}

PoolReplay::Step PoolReplay::step(std::int64_t s) const {
  if (s >= window_first_) return steps_[size_of(s - window_first_)];
  return make_step(s, std::pow(history_.beta1, static_cast<double>(s)),
                   std::pow(history_.beta2, static_cast<double>(s)));
}

float PoolReplay::power1(std::int64_t i) const {
  if (i <= window) return power1_[size_of(i)];
  return static_cast<float>(std::pow(beta1_, static_cast<double>(i)));
}
float PoolReplay::power2(std::int64_t i) const {
  if (i <= window) return power2_[size_of(i)];
  return static_cast<float>(std::pow(beta2_, static_cast<double>(i)));
}
float PoolReplay::root2(std::int64_t i) const {
  if (i <= window) return root2_[size_of(i)];
  return static_cast<float>(std::pow(beta2_, static_cast<double>(i) / 2));
}

ReplayChunk PoolReplay::chunk(std::int64_t last, std::int64_t s) const {
  const double rest = std::exp(log_decay_until(to_) - log_decay_until(s));
  ReplayChunk c;
  c.count = std::min(ReplayChunk::most, to_ - s);
  c.is_last = s + c.count == to_;
  c.eps = static_cast<float>(history_.eps);
  c.tail = static_cast<float>(lr_max_) * power1(s - last) * step(s + 1).inverse_bias1;
  c.tail_root = tail_root_;
  c.tail_eps = tail_eps_;
  c.root_now = root2(s - last);
  c.rest = static_cast<float>(rest);
  c.ulp = static_cast<float>(rest * 0x1.fp-26);
  for (std::int64_t k = 0; k < c.count; ++k) {
    const Step f = step(s + 1 + k);
    c.decay[size_of(k)] = f.decay;
    c.move[size_of(k)] = f.step_size * power1(s + 1 + k - last);
    c.root[size_of(k)] = f.root_scale * root2(s + 1 + k - last);
  }
  return c;
}

const ReplayChunk& ReplayChunks::get(std::size_t i) {
  const auto first_step = [&](std::size_t c) {
    return last_ + static_cast<std::int64_t>(c) * ReplayChunk::most;
  };
  if (i >= kept) return chunks_[kept] = replay_.chunk(last_, first_step(i));
  for (; made_ <= i; ++made_) chunks_[made_] = replay_.chunk(last_, first_step(made_));
  return chunks_[i];
}

void PoolReplay::weights(
    std::int64_t last, std::int64_t width, float* w, const float* m, const float* v) const {
  if (last >= to_) return;
  ReplayChunks chunks(*this, last);
  replay_weights(chunks, size_of(width), w, m, v);
}

void PoolReplay::row(const PoolRows& pool, std::int64_t row, std::int64_t last, int thread) const {
  if (last >= to_) return;
  float* w = pool.load(row, thread);
  weights(last, pool.width(), w, pool.m(row), pool.v(row));
  scale_moments(size_of(pool.width()), power1(to_ - last), power2(to_ - last), pool.m(row),
                pool.v(row));
  pool.store(row, w, to_);
}

}  // namespace mneme::cpu
