#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "kernels/memory/pool_update.h"

#include "base/math.h"
#include "runtime/exec.h"
#include "support/gradient_check.h"

namespace mneme::test {

/// Learning rates and decays of steps 1 .. count: linear warm-up, then a cosine to `floor`.
struct Schedule {
  std::vector<double> lr{0};
  std::vector<double> log_decay{0};
  double weight_decay;

  Schedule(std::int64_t count, std::int64_t warm_up, double peak, double decay, double floor = 0.01)
      : weight_decay(decay) {
    for (std::int64_t s = 1; s <= count; ++s) {
      const double done = static_cast<double>(s - warm_up) /
                          static_cast<double>(std::max<std::int64_t>(1, count - warm_up));
      const double cosine = floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
      lr.push_back(peak *
                   (s <= warm_up ? static_cast<double>(s) / static_cast<double>(warm_up) : cosine));
      log_decay.push_back(log_decay.back() + std::log1p(-lr.back() * weight_decay));
    }
  }
  PoolHistory history() const {
    return {.lr = lr, .log_decay = log_decay, .weight_decay = weight_decay};
  }
  AdamWStep step(std::int64_t s) const {
    return {.lr = lr[size_of(s)], .weight_decay = weight_decay, .step = s};
  }
};

/// A pool in host memory with all that an update needs.
struct TestPool {
  std::int64_t rows, width;
  std::vector<float> weights, m, v;  // weights: f32 values, or the master copy
  std::vector<Bf16> stored;          // bf16 values
  std::vector<std::int32_t> last;
  PoolState state;

  enum class Storage { f32, master, stochastic };

  TestPool(
      std::int64_t rows_, std::int64_t width_, Storage storage, PoolUpdate mode, double size = 0.1)
      : rows(rows_),
        width(width_),
        weights(size_of(rows * width)),
        m(weights.size()),
        v(weights.size()) {
    const Philox random(11, "test/pool");
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = static_cast<float>(size * random.normal(0, i));
      if (storage != Storage::f32) {
        stored.push_back(to_bf16(weights[i]));
        if (storage == Storage::stochastic) weights[i] = to_f32(stored[i]);
      }
    }
    const Shape shape{rows, width};
    state = {.values = storage == Storage::f32 ? view_of(std::span(weights), shape)
                                               : view_of(std::span(stored), shape),
             .m = view_of(std::span(m), shape),
             .v = view_of(std::span(v), shape),
             .seed = 5,
             .global_width = width};
    if (storage == Storage::master) state.master = view_of(std::span(weights), shape);
    if (mode == PoolUpdate::exact) {
      last.assign(size_of(rows), 0);
      state.last = view_of(std::span(last), {rows});
    }
  }
  TestPool(const TestPool&) = delete;
  TestPool& operator=(const TestPool&) = delete;
};

/// Row sums that say: these rows have these gradients.
struct TestSums {
  std::vector<std::int32_t> slot_of_row, row_of_slot;
  std::vector<float> sums;
  RowSums view;

  TestSums(std::int64_t rows,
           std::int64_t width,
           const std::vector<std::int32_t>& touched,
           std::vector<float> gradients)
      : slot_of_row(size_of(rows), -1), row_of_slot(touched), sums(std::move(gradients)) {
    const auto n = static_cast<std::int64_t>(touched.size());
    for (std::int64_t i = 0; i < n; ++i)
      slot_of_row[size_of(std::int64_t{touched[size_of(i)]})] = static_cast<std::int32_t>(i);
    view = {view_of(std::span(slot_of_row), {rows}), view_of(std::span(row_of_slot), {n}),
            view_of(std::span(sums), {n, width}), n};
  }
  TestSums(const TestSums&) = delete;
  TestSums& operator=(const TestSums&) = delete;
};

/// Runs f(ex) on host threads with scratch enough for the ops of the pool.
template <class F>
void with_exec(int threads, F&& f) {
  Arena scratch("scratch", std::size_t{1} << 22, cpu_device);
  Exec ex{cpu_device, scratch, threads};
  f(ex);
}

}  // namespace mneme::test
