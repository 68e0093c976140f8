#include "app/findings.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include <fmt/format.h>

#include "base/amount.h"
#include "runtime/machine.h"

namespace mneme {
namespace {

using Verdict = Finding::Verdict;

/// The ranks of each machine.
std::map<std::string, std::vector<RankFacts>> by_host(const std::vector<RankFacts>& ranks) {
  std::map<std::string, std::vector<RankFacts>> hosts;
  for (const RankFacts& r : ranks) hosts[r.host].push_back(r);
  return hosts;
}

enum class Sharing { own, common, mixed };

/// How the ranks of one machine share its processors.
Sharing sharing_of(const std::vector<RankFacts>& ranks) {
  std::set<int> all;
  std::size_t sum = 0;
  bool is_same = true;
  for (const RankFacts& r : ranks) {
    all.insert(r.allowed.begin(), r.allowed.end());
    sum += r.allowed.size();
    is_same = is_same && r.allowed == ranks.front().allowed;
  }
  if (sum == all.size()) return Sharing::own;
  return is_same ? Sharing::common : Sharing::mixed;
}

Finding judge_host(const std::vector<RankFacts>& ranks) {
  std::set<int> all;
  int threads = 0;
  for (const RankFacts& r : ranks) {
    all.insert(r.allowed.begin(), r.allowed.end());
    threads += r.threads;
  }
  const RankFacts& first = ranks.front();
  const double quota = first.quota;
  auto usable = static_cast<double>(all.size());
  if (quota > 0) usable = std::min(usable, quota);
  const Sharing sharing = sharing_of(ranks);
  Finding f{.topic = "processors", .found = {}};
  const std::string of_rank = ranges_text(first.allowed);
  f.found = ranks.size() == 1 ? fmt::format("{} may be used ({})", all.size(), of_rank)
            : sharing == Sharing::own
                ? fmt::format("{} of {} are rank 0's alone ({})", first.allowed.size(), all.size(),
                              of_rank)
                : fmt::format("{} shared by {} ranks, not pinned", all.size(), ranks.size());
  f.found += fmt::format(", {} x {}", counted(std::ssize(ranks), "rank"),
                         counted(first.threads, "thread"));
  if (threads > std::ceil(usable)) {
    f.verdict = Verdict::warning;
    f.advice =
        fmt::format("{} for {:.3g} {}{}: start at most {}, or set runtime.threads",
                    counted(threads, "thread"), usable, usable == 1 ? "processor" : "processors",
                    quota > 0 ? " (a limit of the container's)" : "",
                    counted(std::max(1, static_cast<int>(usable)), "rank"));
  } else if (sharing == Sharing::mixed) {
    f.verdict = Verdict::warning;
    f.advice =
        "ranks share some processors and not others: let launch/mpirun.sh start them, or "
        "bind each to its own";
  } else if (sharing == Sharing::own && ranks.size() > 1 &&
             2 * static_cast<std::size_t>(first.threads) <= first.allowed.size()) {
    f.verdict = Verdict::warning;
    f.advice = fmt::format("half of a rank's processors or more are idle: set runtime.threads: {}",
                           first.allowed.size());
  }
  return f;
}

}  // namespace

std::string to_line(const Finding& f) {
  const std::string verdict = f.verdict == Verdict::ok        ? "ok"
                              : f.verdict == Verdict::warning ? "warning: " + f.advice
                                                              : "problem: " + f.advice;
  return fmt::format("{:<12}{:<62}  {}\n", f.topic, f.found, verdict);
}

std::string RankFacts::text() const {
  return nlohmann::json{host, allowed, threads, quota, available}.dump();
}

RankFacts RankFacts::from_text(const std::string& text) {
  const nlohmann::json j = nlohmann::json::parse(text);
  return {j[0], j[1].get<std::vector<int>>(), j[2], j[3], j[4]};
}

Finding judge_launch(const std::vector<RankFacts>& ranks,
                     const std::string& library,
                     bool uses_mpi) {
  Finding f{.topic = "ranks", .found = {}};
  if (!uses_mpi) {
    f.found = fmt::format("1, not started by mpirun; built with {}", library);
    const char* tasks = std::getenv("SLURM_NTASKS");  // NOLINT: read before threads
    if (tasks != nullptr && std::atoi(tasks) > 1) {
      f.verdict = Verdict::warning;
      f.advice = fmt::format(
          "this Slurm job has {} tasks, but this process is alone: start it with "
          "launch/mpirun.sh or srun --mpi=pmix",
          tasks);
    }
    return f;
  }
  std::size_t fewest = ranks.size();
  std::size_t most = 0;
  const auto hosts = by_host(ranks);
  for (const auto& [host, of_host] : hosts) {
    fewest = std::min(fewest, of_host.size());
    most = std::max(most, of_host.size());
  }
  f.found = fmt::format("{} on {}, started by mpirun; {}", ranks.size(),
                        counted(std::ssize(hosts), "machine"), library);
  if (fewest != most) {
    f.verdict = Verdict::warning;
    f.advice = fmt::format(
        "{} to {} ranks per machine: the fullest one sets the pace; give each "
        "as many",
        fewest, most);
  }
  return f;
}

Finding judge_processors(const std::vector<RankFacts>& ranks) {
  Finding worst;
  for (const auto& [host, of_host] : by_host(ranks)) {
    Finding f = judge_host(of_host);
    if (f.verdict != Verdict::ok) f.advice = host + ": " + f.advice;
    if (worst.topic.empty() || f.verdict > worst.verdict) worst = f;
  }
  return worst;
}

Finding judge_memory(const std::vector<RankFacts>& ranks, std::int64_t total) {
  std::int64_t least = ranks.front().available;
  for (const auto& [host, of_host] : by_host(ranks)) {
    const auto count = static_cast<std::int64_t>(of_host.size());
    for (const RankFacts& r : of_host) least = std::min(least, r.available / count);
  }
  Finding f{
      .topic = "memory",
      .found = fmt::format("{}, {} free for each rank", bytes_text(total), bytes_text(least))};
  if (least < std::int64_t{1} << 29) {
    f.verdict = Verdict::warning;
    f.advice =
        "little is left: `mneme plan CONFIG` tells what a run takes; end other programs, or "
        "start fewer ranks per machine";
  }
  return f;
}

}  // namespace mneme
