#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>

#include <benchmark/benchmark.h>

#include "kernels/blas/matmul.h"
#include "kernels/util/elementwise.h"

#include "base/philox.h"
#include "runtime/exec.h"

namespace mneme::bench {

/// Tensors and scratch of one benchmark: addresses are reserved, memory is used as it is touched.
class Room {
 public:
  explicit Room(int threads)
      : tensors_("tensors", std::size_t{1} << 34, cpu_device),
        scratch_("scratch", std::size_t{1} << 31, cpu_device),
        ex_{cpu_device, scratch_, threads} {}

  Exec& ex() { return ex_; }
  View take(DType type, const Shape& shape) { return tensors_.take(type, shape, "tensor"); }
  /// Values in [-size, size), 4096 different ones.
  View f32(const Shape& shape, double size = 1) {
    const View v = take(DType::f32, shape);
    const Philox random(1, "bench");
    const std::span<float> values = v.span<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] =
          i < 4096 ? static_cast<float>(size * (2 * random.uniform(0, i) - 1)) : values[i - 4096];
    }
    return v;
  }
  View i32(const Shape& shape, const std::function<std::int32_t(std::int32_t)>& value) {
    const View v = take(DType::i32, shape);
    std::int32_t i = 0;
    for (std::int32_t& x : v.span<std::int32_t>()) x = value(i++);
    return v;
  }

 private:
  Arena tensors_;
  Arena scratch_;
  Exec ex_;
};

/// What one call does: arithmetic, or bytes read and written; and items, if they are of interest.
struct Work {
  double flop = 0;
  double bytes = 0;
  double items = 0;
};
struct Prepared {
  Work work;
  std::function<void()> call;
  std::function<void()> reset = {};  // before each call, not timed
};

/// Seconds: of the process's CPU on one thread, so that a busy machine disturbs less; else of the
/// clock.
inline double seconds(int threads) {
  if (threads == 1) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// What this machine was measured to reach in this run.
struct Roof {
  double flop = 0;   // per second, of a (1536)^3 product
  double bytes = 0;  // per second, read and written by a copy of 128 MiB
};

inline double best_rate(int threads, double units, const std::function<void()>& f) {
  double best = 0;
  for (int i = 0; i < 8; ++i) {
    const double start = seconds(threads);
    f();
    best = std::max(best, units / (seconds(threads) - start));
  }
  return best;
}

inline Roof measure_roof(int threads) {
  Room room(threads);
  constexpr std::int64_t n = 1536;
  const View a = room.f32({n, n}), b = room.f32({n, n}), c = room.f32({n, n});
  const View from = room.f32({std::int64_t{1} << 25}), to = room.f32({std::int64_t{1} << 25});
  const Matmul product{.a = a, .b = b, .c = c};
  return {.flop = best_rate(threads, matmul_flop(product), [&] { matmul(room.ex(), product); }),
          .bytes = best_rate(threads, 2 * static_cast<double>(from.bytes()),
                             [&] { copy(room.ex(), from, to); })};
}

/// Registers benchmarks for a number of threads; `prepare` makes the tensors of one.
class Bench {
 public:
  Bench(int threads, const Roof& roof) : threads_(threads), roof_(roof) {}

  void add(const std::string& name, const std::function<Prepared(Room&)>& prepare) const {
    const Roof roof = roof_;
    const int threads = threads_;
    const auto body = [=](benchmark::State& state) {
      Room room(threads);
      const Prepared p = prepare(room);
      if (p.reset) p.reset();
      p.call();  // touches the memory
      for ([[maybe_unused]] auto _ : state) {
        if (p.reset) {
          state.PauseTiming();
          p.reset();
          state.ResumeTiming();
        }
        p.call();
      }
      const auto rate = benchmark::Counter::kIsIterationInvariantRate;
      const bool by_flop = p.work.flop > 0;
      const double units = by_flop ? p.work.flop : p.work.bytes;
      state.counters[by_flop ? "FLOP/s" : "B/s"] = benchmark::Counter(units, rate);
      state.counters["of_roof"] =
          benchmark::Counter(units / (by_flop ? roof.flop : roof.bytes), rate);
      if (p.work.items > 0) state.counters["items/s"] = benchmark::Counter(p.work.items, rate);
    };
    auto* registered =
        benchmark::RegisterBenchmark((name + "/threads:" + std::to_string(threads)).c_str(), body)
            ->Unit(benchmark::kMicrosecond);
    if (threads > 1) registered->UseRealTime();
  }

 private:
  int threads_;
  Roof roof_;
};

/// "/4096x128"
inline std::string sizes(std::initializer_list<std::int64_t> all) {
  std::string s;
  for (const std::int64_t n : all) s += (s.empty() ? "/" : "x") + std::to_string(n);
  return s;
}

}  // namespace mneme::bench
