// What the collectives reach on this machine:
//   mpirun -n 4 mneme_comm_bench            over MPI
//   mneme_comm_bench --threads 4            over threads of one process
// Per operation and size: the median time, and the bytes each rank sends per second. The last
// element of every result is checked.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/math.h"
#include "comm/mpi_session.h"
#include "comm/thread_comm.h"
#include "runtime/buffer.h"
#include "runtime/exec.h"

namespace mneme {
namespace {

struct Options {
  int threads = 0;                                                     // 0: MPI
  int repeats = 7;                                                     // timed calls, after one
  std::vector<std::int64_t> sizes{4096, 262144, 16777216, 134217728};  // bytes
};

/// The operations at one size on one rank. `whole` and `other` are f32 of `size` bytes, cut into a
/// piece for each rank; `other` holds the rank's number.
class Bench {
 public:
  Bench(Communicator& world, std::int64_t size, int repeats)
      : world_(world),
        repeats_(repeats),
        piece_(std::max<std::int64_t>(1, size / 4 / world.size())),
        memory_(size_of(2 * piece_ * world.size() * 4), cpu_device),
        whole_(memory_.data(), DType::f32, {piece_ * world.size()}, cpu_device),
        other_(memory_.data() + whole_.bytes(), DType::f32, whole_.shape(), cpu_device) {}

  void run() {
    const std::vector<std::int64_t> rows(size_of(world_.size()), piece_);
    const View mine = other_.rows(0, piece_);
    const View first = whole_.rows(0, piece_);
    const int last = world_.size() - 1;
    const int sum = world_.size() * last / 2;
    time(
        "all_gather", [&] { world_.all_gather(mine, whole_, ex_).wait(); }, whole_, last);
    time(
        "all_to_all", [&] { world_.all_to_all(other_, rows, whole_, rows, ex_).wait(); }, whole_,
        last);
    time(
        "reduce_scatter", [&] { world_.reduce_scatter(other_, first, ex_).wait(); }, first, sum);
    time(
        "all_reduce", [&] { world_.all_reduce(other_, Reduce::sum, ex_).wait(); }, other_, sum);
    time(
        "broadcast", [&] { world_.broadcast(other_, 0, ex_).wait(); }, other_, 0);
  }

 private:
  void time(const char* op, const std::function<void()>& call, const View& result, int wanted) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> seconds;
    for (int i = 0; i <= repeats_; ++i) {
      std::ranges::fill(other_.span<float>(), static_cast<float>(world_.rank()));
      world_.reset_traffic();
      world_.barrier();
      const auto start = Clock::now();
      call();
      const std::chrono::duration<double> took = Clock::now() - start;
      if (i > 0) seconds.push_back(took.count());
      const float found = result.span<float>().back();
      require(found == static_cast<float>(wanted), Fault::bug, "{} of {} bytes gave {}, wanted {}",
              op, whole_.bytes(), found, wanted);
    }
    std::ranges::sort(seconds);
    const double median = seconds[seconds.size() / 2];
    const auto sent = static_cast<double>(world_.traffic().bytes());
    if (world_.rank() != 0) return;
    fmt::print("{:<15} {:>12} bytes {:>12.1f} us {:>9.3f} GB/s sent per rank\n", op, whole_.bytes(),
               median * 1e6, sent / median * 1e-9);
    std::fflush(stdout);
  }

  Communicator& world_;
  int repeats_;
  std::int64_t piece_;
  Buffer memory_;
  Arena scratch_{"scratch", std::size_t{32} << 20, cpu_device};
  Exec ex_{cpu_device, scratch_};
  View whole_;
  View other_;
};

void run_rank(Communicator& world, const Options& options) {
  if (world.rank() == 0) fmt::print("{} ranks, median of {}\n", world.size(), options.repeats);
  for (const std::int64_t size : options.sizes) Bench(world, size, options.repeats).run();
}

void run_threads(const Options& options) {
  ThreadWorld world(options.threads);
  std::vector<std::jthread> ranks;
  for (int r = 0; r < options.threads; ++r) {
    ranks.emplace_back([&, r] { run_rank(*world.communicator(r), options); });
  }
}

}  // namespace
}  // namespace mneme

int main(int argc, char** argv) {
  mneme::Options options;
  CLI::App app("Times the collectives over MPI, or over threads of one process.");
  app.add_option("--threads", options.threads, "ranks as threads instead of MPI")
      ->check(CLI::PositiveNumber);
  app.add_option("--repeats", options.repeats, "timed calls each")->check(CLI::PositiveNumber);
  app.add_option("--sizes", options.sizes, "bytes of the whole, per rank")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.threads > 0) {
      mneme::run_threads(options);
    } else {
      const mneme::MpiSession session;
      mneme::run_rank(*session.world(), options);
    }
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    mneme::abort_job(static_cast<int>(mneme::Fault::bug));
  }
}
