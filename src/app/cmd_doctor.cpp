#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/instruction_sets.h"

#include "app/command.h"
#include "app/findings.h"
#include "app/ranks.h"
#include "app/version.h"
#include "base/amount.h"
#include "base/build_info.h"
#include "checkpoint/disk_check.h"
#include "checkpoint/outcome.h"
#include "runtime/machine.h"
#include "train/machine_speed.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using Verdict = Finding::Verdict;

struct DoctorArguments {
  std::string output = "runs";
  std::int64_t threads = 0;
};

/// Looks at one thing after the other; all ranks look, the first one tells.
class Doctor {
 public:
  explicit Doctor(const DoctorArguments& arguments)
      : output_(arguments.output),
        agreement_(ranks_.world()),
        threads_(ranks_.threads(arguments.threads)) {}

  /// The exit status.
  int run() {
    look_at_ranks();
    look_at_kernels();
    look_at_disk();
    measure();
    const std::string told = agreement_.from_first(fmt::format("{}", problems_));
    return told == "0" ? 0 : static_cast<int>(Fault::machine);
  }

 private:
  void tell(const Finding& finding) {
    if (!ranks_.is_first()) return;
    if (finding.verdict == Verdict::problem) ++problems_;
    fmt::print("{}", to_line(finding));
    std::fflush(stdout);
  }

  void look_at_ranks() {
    const Processors p = processors();
    const MachineMemory memory = machine_memory();
    const RankFacts mine{.host = p.host,
                         .allowed = p.allowed,
                         .threads = threads_,
                         .quota = p.quota,
                         .available = memory.available};
    std::vector<RankFacts> all;
    for (const std::string& text : agreement_.gather(mine.text()))
      all.push_back(RankFacts::from_text(text));
    tell({.topic = "program",
          .found = fmt::format("mneme {} ({}), {}", version, git_id(), compiler)});
    tell(judge_launch(all, mpi_library(), ranks_.session().uses_mpi()));
    tell({.topic = "machine",
          .found = fmt::format("{}: {} logical processors, {} cores, {} sockets, {} NUMA nodes",
                               p.model, p.logical, p.cores, p.packages, p.numa_nodes)});
    tell(judge_processors(all));
    tell(judge_memory(all, memory.total));
    flags_ = p.flags;
  }

  void look_at_kernels() {
    const std::string vectors = vector_instructions();
    Finding f{.topic = "kernels",
              .found = fmt::format("{}, vectors by {}; the processor has {}", matmul_library(),
                                   vectors, fmt::join(flags_, ", "))};
    if (!matmul_library().starts_with("oneDNN")) {
      f.verdict = Verdict::warning;
      f.advice =
          "matrix products are several times slower without oneDNN: build with "
          "-DMNEME_ONEDNN=ON";
    } else if (vectors.starts_with("SSE") || vectors.starts_with("EMU")) {
      f.verdict = Verdict::warning;
      f.advice = "a processor with AVX2 or AVX-512 is several times faster";
    }
    tell(f);
    const std::string text = version_text();
    const std::string key = "libraries  ";
    const std::size_t at = text.find(key);
    std::string list = at == std::string::npos ? "" : text.substr(at + key.size());
    list.erase(list.find_last_not_of('\n') + 1);
    tell({.topic = "libraries", .found = list});
  }

  /// The folder that is there already: what is missing is made by a run.
  fs::path existing_output() const {
    fs::path folder = fs::absolute(output_);
    while (!fs::exists(folder) && folder.has_relative_path()) folder = folder.parent_path();
    return folder;
  }

  void look_at_disk() {
    const fs::path folder = existing_output();
    DiskCheck disk;
    Finding f{.topic = "disk", .found = folder.string()};
    if (ranks_.is_first()) {
      const auto problem = attempt([&] { disk = check_disk(folder); });
      if (problem) {
        f.verdict = Verdict::problem;
        f.advice = problem->message + ": name a folder on another disk with --output";
      } else {
        f = judge_disk(folder, disk);
      }
    }
    const fs::path left = agreement_.from_first(disk.left.string());
    if (!left.empty()) look_for(left, f);
    tell(f);
  }

  static Finding judge_disk(const fs::path& folder, const DiskCheck& disk) {
    Finding f{.topic = "disk",
              .found = fmt::format("{}: {} free, writes {:.0f} MB/s, fsync and rename {:.0f} ms",
                                   folder.string(), bytes_text(disk.free_bytes),
                                   disk.write_bytes_per_s / 1e6, disk.sync_seconds * 1e3)};
    if (disk.free_bytes < std::int64_t{1} << 30) {
      f.verdict = Verdict::warning;
      f.advice =
          "little space: `mneme plan CONFIG` tells the size of a checkpoint; free some, or "
          "name another disk with output: in the config";
    } else if (disk.write_bytes_per_s < 20e6 || disk.sync_seconds > 2) {
      f.verdict = Verdict::warning;
      f.advice =
          "slow: training waits while it saves; save less often (checkpoint.every), or on "
          "another disk (output: in the config)";
    }
    return f;
  }

  /// Whether all ranks see what rank 0 wrote: network file systems are given a moment.
  void look_for(const fs::path& left, Finding& f) {
    for (int i = 0; i < 20 && !fs::exists(left); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const std::vector<std::string> seen = agreement_.gather(fs::exists(left) ? "yes" : "no");
    const auto blind = std::find(seen.begin(), seen.end(), "no");
    if (blind != seen.end()) {
      f.verdict = Verdict::problem;
      f.advice = fmt::format(
          "rank {} does not see what rank 0 writes there: all ranks need one "
          "shared folder; name it with output: in the config",
          blind - seen.begin());
    }
    std::error_code ignored;
    if (ranks_.is_first()) fs::remove(left, ignored);
  }

  void measure() {
    Communicator& world = ranks_.world();
    world.barrier();
    const MemorySpeed memory = measure_memory(threads_, 0.6);
    tell({.topic = "bandwidth",
          .found = fmt::format("copy {:.1f} GB/s, y += x {:.1f} GB/s on rank 0, all ranks at once",
                               memory.copy / 1e9, memory.add / 1e9)});
    const double matmul = measure_matmul(world, threads_, 0.8);
    const double of_thread = matmul / world.size() / threads_;
    Finding f{.topic = "matmul",
              .found = fmt::format("{:.1f} GFLOP/s in f32 on all ranks, {:.1f} of a thread",
                                   matmul / 1e9, of_thread / 1e9)};
    if (of_thread < 5e9) {
      f.verdict = Verdict::warning;
      f.advice = "slow: do other programs, or too many ranks, share the processors?";
    }
    tell(f);
    if (world.size() == 1) return;
    const ExchangeSpeed exchange = measure_exchange(world, 1.0);
    Finding e{.topic = "exchange",
              .found = fmt::format("all-reduce {:.2f} GB/s, all-to-all {:.2f} GB/s sent by a rank",
                                   exchange.all_reduce / 1e9, exchange.all_to_all / 1e9)};
    if (std::min(exchange.all_reduce, exchange.all_to_all) < 0.05e9) {
      e.verdict = Verdict::warning;
      e.advice =
          "slow: do the ranks share processors (see above), or is the network a slow one? "
          "Open MPI's choice is seen with --mca btl_base_verbose 10";
    }
    tell(e);
  }

  World ranks_;
  std::string output_;
  Agreement agreement_;
  int threads_;
  std::vector<std::string> flags_;
  int problems_ = 0;
};

}  // namespace

void add_doctor(CLI::App& app, Action& chosen) {
  auto arguments = std::make_shared<DoctorArguments>();
  CLI::App* command = app.add_subcommand(
      "doctor", "look at ranks, processors, memory, disk and speed: what would disturb a run");
  command->add_option("--output", arguments->output, "folder of runs, where checkpoints would be")
      ->capture_default_str();
  command
      ->add_option("--threads", arguments->threads,
                   "per rank, as runtime.threads; 0: processors divided by ranks")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->footer(
      "Each line ends in ok, in a warning or in a problem, with what to do. The exit status is 5 "
      "when there is a problem.\n\n"
      "Example: launch/mpirun.sh -n 2 mneme doctor --output runs");
  command->callback(
      [arguments, &chosen] { chosen = [arguments] { return Doctor(*arguments).run(); }; });
}

}  // namespace mneme
