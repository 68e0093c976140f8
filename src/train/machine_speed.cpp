#include "train/machine_speed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <vector>

#include "kernels/blas/matmul.h"
#include "kernels/util/elementwise.h"

#include "base/math.h"
#include "runtime/process_memory.h"

namespace mneme {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& call) {
  const auto begin = Clock::now();
  call();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// The median time of a call that is repeated for `seconds`, three times at least.
double median_seconds(double seconds, const std::function<void()>& call) {
  std::vector<double> times;
  double sum = 0;
  while (times.size() < 3 || sum < seconds) {
    times.push_back(seconds_of(call));
    sum += times.back();
  }
  return median(std::move(times));
}

/// Values that are no trap for the arithmetic: neither zero nor denormal, and sums stay small.
void fill(const View& view) {
  std::ranges::fill(view.span<float>(), 0.5F);
}

/// The product of two n x n matrices, with memory of its own.
class Product {
 public:
  Product(std::int64_t n, int threads)
      : tensors_("product", 3 * (size_of(n * n) * sizeof(float) + Arena::alignment), cpu_device),
        call_{.a = take(n), .b = take(n), .c = take(n)},
        scratch_("scratch", scratch_bytes(call_, threads), cpu_device),
        ex_{.device = cpu_device, .scratch = scratch_, .threads = threads} {}

  void run() { matmul(ex_, call_); }
  double flop() const { return matmul_flop(call_); }

 private:
  View take(std::int64_t n) {
    const View view = tensors_.take(DType::f32, {n, n}, "matrix");
    fill(view);
    return view;
  }
  static std::size_t scratch_bytes(const Matmul& call, int threads) {
    Arena measured = Arena::measuring("scratch");
    Exec ex{.device = cpu_device, .scratch = measured, .threads = threads};
    matmul(ex, call);
    return measured.peak();
  }

  Arena tensors_;
  Matmul call_;
  Arena scratch_;
  Exec ex_;
};

constexpr std::int64_t smallest_product = 512;
constexpr std::int64_t largest_product = 4096;

}  // namespace

double measure_matmul(int threads, double seconds) {
  Product first(smallest_product, threads);
  first.run();  // makes the library's code
  const double speed = first.flop() / seconds_of([&] { first.run(); });
  std::int64_t n = smallest_product;
  const auto time_of = [&](std::int64_t size) {
    return 2 * static_cast<double>(size * size * size) / speed;
  };
  while (n < largest_product && time_of(2 * n) < seconds / 6) n *= 2;
  Product product(n, threads);
  product.run();
  return product.flop() / median_seconds(seconds / 2, [&] { product.run(); });
}

double measure_matmul(Communicator& world, int threads, double seconds) {
  world.barrier();
  std::array<double, 1> speed{measure_matmul(threads, seconds)};
  Arena scratch("scratch", std::size_t{1} << 20, cpu_device);
  Exec ex{.device = cpu_device, .scratch = scratch};
  world.all_reduce(view_of(std::span<double>(speed), {1}), Reduce::sum, ex).wait();
  return speed[0];
}

double matmul_share_of_rank(Communicator& world, int threads) {
  const double sum = measure_matmul(world, threads, 0.3);
  restart_memory_peak();
  return sum / world.size();
}

MemorySpeed measure_memory(int threads, double seconds) {
  constexpr std::int64_t elements = std::int64_t{16} << 20;  // 64 MiB, beyond most caches
  Arena tensors("arrays", 2 * (size_of(elements) * sizeof(float) + Arena::alignment), cpu_device);
  Arena scratch("scratch", std::size_t{1} << 20, cpu_device);
  Exec ex{.device = cpu_device, .scratch = scratch, .threads = threads};
  const View x = tensors.take(DType::f32, {elements}, "array");
  const View y = tensors.take(DType::f32, {elements}, "array");
  fill(x);
  fill(y);
  const auto bytes = static_cast<double>(x.bytes());
  return {.copy = 2 * bytes / median_seconds(seconds / 2, [&] { copy(ex, x, y); }),
          .add = 3 * bytes / median_seconds(seconds / 2, [&] { add_to(ex, x, y); })};
}

ExchangeSpeed measure_exchange(Communicator& world, double seconds) {
  if (world.size() == 1) return {};
  constexpr std::int64_t piece = std::int64_t{1} << 20;  // elements to and from each rank
  const std::int64_t ranks = world.size();
  const std::int64_t elements = std::max(piece, 4 * piece / ranks) * ranks;
  Arena tensors("arrays", 2 * (size_of(elements) * sizeof(float) + Arena::alignment), cpu_device);
  Arena scratch("scratch", std::size_t{64} << 20, cpu_device);
  Exec ex{.device = cpu_device, .scratch = scratch};
  const View x = tensors.take(DType::f32, {elements}, "array");
  const View y = tensors.take(DType::f32, {elements}, "array");
  std::ranges::fill(x.span<float>(), 0.0F);  // sums of sums would grow
  fill(y);
  const std::vector<std::int64_t> rows(size_of(ranks), elements / ranks);
  // All ranks repeat as often, so the count comes from the first call, agreed.
  const auto speed_of = [&](const std::function<void()>& call) {
    world.barrier();
    std::array<double, 1> once{seconds_of(call)};
    world.all_reduce(view_of(std::span<double>(once), {1}), Reduce::max, ex).wait();
    const int repeats = static_cast<int>(std::clamp(seconds / 2 / once[0], 3.0, 100.0));
    std::vector<double> times;
    world.reset_traffic();
    for (int i = 0; i < repeats; ++i) times.push_back(seconds_of(call));
    return static_cast<double>(world.traffic().bytes()) / repeats / median(std::move(times));
  };
  return {.all_reduce = speed_of([&] { world.all_reduce(x, Reduce::sum, ex).wait(); }),
          .all_to_all = speed_of([&] { world.all_to_all(x, rows, y, rows, ex).wait(); })};
}

}  // namespace mneme
