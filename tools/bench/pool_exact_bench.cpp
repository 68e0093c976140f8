// What `pool_update: exact` gives and costs, beside `dense`, by the gap between two reads of a row:
// how far the weights come apart, in units in the last place (ulp), and the time of the replay
// beside that of a plain update of the same rows.
//   mneme_pool_exact_bench --repeats 21
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "kernels/memory/pool_update.h"
#include "kernels/memory/row_sums.h"

#include "base/check.h"
#include "base/math.h"
#include "base/philox.h"
#include "optim/optimizer_config.h"

namespace mneme {
namespace {

constexpr std::int64_t steps = 1600;
constexpr std::array<std::int64_t, 4> gaps{1, 10, 100, 1000};

/// Learning rates and decays of a run: warm-up, then a cosine to a hundredth.
struct History {
  OptimizerConfig config;
  std::vector<double> lr{0};
  std::vector<double> decay{1};

  explicit History(double weight_decay) {
    config.schedule.warmup = 100;
    config.memory_values.weight_decay = weight_decay;
    for (std::int64_t s = 1; s <= steps; ++s) {
      lr.push_back(step(s).lr);
      decay.push_back(decay.back() * (1 - lr.back() * weight_decay));
    }
  }
  AdamWStep step(std::int64_t s) const {
    return adamw_step(config, Group::memory_values, s, steps);
  }
  PoolHistory view() const { return {.lr = lr, .decay = decay}; }
};

/// A pool of `rows` rows and the sums of one step that touches all of them, with their memory.
struct Pool {
  std::int64_t rows, width;
  std::vector<float> weights, m, v, sums;
  std::vector<std::int32_t> last, all;
  PoolState state;
  RowSums touched;

  Pool(std::int64_t rows_, std::int64_t width_, PoolUpdate mode)
      : rows(rows_),
        width(width_),
        weights(size_of(rows * width)),
        m(weights.size()),
        v(weights.size()),
        sums(weights.size()),
        last(size_of(rows)),
        all(last) {
    const Philox random(1, "bench/pool");
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights[i] = static_cast<float>(random.normal(0, i) / std::sqrt(static_cast<double>(width)));
    std::iota(all.begin(), all.end(), 0);
    const Shape shape{rows, width};
    state = {.values = view_of(std::span(weights), shape),
             .m = view_of(std::span(m), shape),
             .v = view_of(std::span(v), shape),
             .global_width = width};
    if (mode == PoolUpdate::exact) state.last = view_of(std::span(last), {rows});
    touched = {view_of(std::span(all), {rows}), view_of(std::span(all), {rows}),
               view_of(std::span(sums), shape), rows};
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void set_gradients(std::int64_t step, double size) {
    const Philox random(2, "bench/gradients");
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = static_cast<float>(size * random.normal(static_cast<std::uint64_t>(step), i));
  }
};

/// Rows are touched in four steps, left alone for `gap`, and touched again.
void train(Exec& ex, Pool& pool, PoolUpdate mode, const History& h, std::int64_t gap, double size) {
  constexpr std::int64_t first = 60, touches = 4;
  const std::int64_t again = first + touches + gap;
  for (std::int64_t s = 1; s <= again; ++s) {
    const bool is_touched = (s >= first && s < first + touches) || s == again;
    if (is_touched) pool.set_gradients(s, size);
    if (!is_touched) std::ranges::fill(pool.sums, 0.0F);
    if (!is_touched && mode == PoolUpdate::exact) continue;
    pool_update(ex, {.state = &pool.state,
                     .sums = &pool.touched,
                     .mode = mode,
                     .step = h.step(s),
                     .history = h.view()});
  }
}

double ulp_of(float x) {
  return static_cast<double>(std::nextafter(std::abs(x), INFINITY) - std::abs(x));
}

/// Largest |dense - exact|, in ulps of the larger of a weight before and after.
double deviation(Exec& ex, const History& h, std::int64_t gap, double size) {
  Pool dense(4, 768, PoolUpdate::dense), exact(4, 768, PoolUpdate::exact);
  const std::vector<float> start = dense.weights;
  train(ex, dense, PoolUpdate::dense, h, gap, size);
  train(ex, exact, PoolUpdate::exact, h, gap, size);
  double most = 0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    const double apart = std::abs(static_cast<double>(dense.weights[i] - exact.weights[i]));
    most = std::max(most, apart / ulp_of(std::max(std::abs(start[i]), std::abs(dense.weights[i]))));
  }
  return most;
}

void print_deviations(Exec& ex, double weight_decay) {
  const History h(weight_decay);
  fmt::print("largest |exact - dense| in ulp, weight_decay {}, 3072 weights\n", weight_decay);
  fmt::print("{:>6}", "gap");
  for (int power = -9; power <= -3; ++power) fmt::print("  g=1e{}", power);
  fmt::print("\n");
  for (const std::int64_t gap : gaps) {
    fmt::print("{:>6}", gap);
    for (int power = -9; power <= -3; ++power)
      fmt::print("  {:>6.2f}", deviation(ex, h, gap, std::pow(10.0, power)));
    fmt::print("\n");
    std::fflush(stdout);
  }
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> x) {
  std::ranges::sort(x);
  return x[x.size() / 2];
}

/// Times of the replay of rows that move (as after gradients of 1e-4) and of rows that never did,
/// and of a plain update, taken in turns.
void print_costs(Exec& ex, int repeats) {
  constexpr std::int64_t rows = 8192, width = 768, to = 1200;
  const History h(0);
  Pool moving(rows, width, PoolUpdate::exact), still(rows, width, PoolUpdate::exact),
      plain(rows, width, PoolUpdate::lazy);
  plain.set_gradients(1, 1e-4);
  const std::vector<float> m = plain.sums;
  const auto replay = [&](Pool& pool, std::int64_t gap) {
    std::ranges::fill(pool.last, static_cast<std::int32_t>(to - gap));
    return seconds_of([&] {
      pool_catch_up(ex, {.state = &pool.state,
                         .rows = view_of(std::span<const std::int32_t>(pool.all), {rows}),
                         .history = h.view(),
                         .to = to});
    });
  };
  fmt::print("ns per row element, {} rows of width {}, {} thread(s), median of {}\n", rows, width,
             ex.threads, repeats);
  fmt::print("{:>6}  {:>14}  {:>14}  {:>12}\n", "gap", "replay moving", "replay still",
             "plain update");
  for (const std::int64_t gap : gaps) {
    std::vector<double> of_moving, of_still, of_plain;
    for (int i = 0; i <= repeats; ++i) {
      std::ranges::copy(m, moving.m.begin());
      std::ranges::fill(moving.v, 1e-8F);
      const double a = replay(moving, gap);
      const double b = replay(still, gap);
      const double c = seconds_of([&] {
        pool_update(ex, {.state = &plain.state,
                         .sums = &plain.touched,
                         .mode = PoolUpdate::lazy,
                         .step = h.step(to),
                         .history = {}});
      });
      if (i == 0) continue;  // warms up
      of_moving.push_back(a);
      of_still.push_back(b);
      of_plain.push_back(c);
    }
    const double ns = 1e9 / static_cast<double>(rows * width);
    fmt::print("{:>6}  {:>14.3f}  {:>14.3f}  {:>12.3f}\n", gap, ns * median(of_moving),
               ns * median(of_still), ns * median(of_plain));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace mneme

int main(int argc, char** argv) {
  int repeats = 21;
  int threads = 1;
  CLI::App app("How exact `pool_update: exact` is, and what its replay costs.");
  app.add_option("--repeats", repeats, "timed runs each")->check(CLI::PositiveNumber);
  app.add_option("--threads", threads, "of the ops")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    mneme::Arena scratch("scratch", std::size_t{1} << 22, mneme::cpu_device);
    mneme::Exec ex{mneme::cpu_device, scratch, threads};
    mneme::print_deviations(ex, 0);
    mneme::print_deviations(ex, 0.1);
    mneme::print_costs(ex, repeats);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(mneme::Fault::bug);
  }
  return 0;
}
