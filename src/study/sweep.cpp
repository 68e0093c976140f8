#include "study/sweep.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "base/amount.h"
#include "base/check.h"
#include "base/math.h"
#include "checkpoint/outcome.h"
#include "comm/mesh.h"
#include "generate/evaluate.h"
#include "runtime/process_memory.h"
#include "train/run_reporter.h"
#include "train/trainer.h"

namespace mneme {
namespace {

/// FLOP that are left to do, of all ranks: what the members are shared out by.
double work_left(const Member& m, const MemberState& s) {
  const TrainConfig& t = m.config.train;
  const auto tokens = static_cast<double>((t.steps - s.step) * t.batch * t.sequence);
  return tokens * m.plan.flop_per_token;
}

/// Longest first, each to the group that is free first; within a group in the study's order.
std::vector<std::vector<std::size_t>> shared_out(const Study& study,
                                                 const std::vector<MemberState>& states,
                                                 int groups) {
  std::vector<std::size_t> todo;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i].kind != MemberState::Kind::finished || !states[i].is_evaluated) todo.push_back(i);
  }
  std::stable_sort(todo.begin(), todo.end(), [&](std::size_t a, std::size_t b) {
    return work_left(study.members[a], states[a]) > work_left(study.members[b], states[b]);
  });
  std::vector<std::vector<std::size_t>> of_group(size_of(std::int64_t{groups}));
  std::vector<double> load(of_group.size());
  for (const std::size_t i : todo) {
    const auto g = size_of(std::min_element(load.begin(), load.end()) - load.begin());
    of_group[g].push_back(i);
    load[g] += work_left(study.members[i], states[i]);
  }
  for (std::vector<std::size_t>& members : of_group) std::sort(members.begin(), members.end());
  return of_group;
}

/// A mistake of the user's is found by all ranks of a run alike. Of another fault the others may
/// not know, and would wait for ever: a run of several ranks then ends the job, to be started
/// again. A bug does so always.
bool ends_its_member_only(Fault fault, const Communicator& group) {
  return fault == Fault::user || (group.size() == 1 && fault != Fault::bug);
}

/// Runs the members of one group of ranks, one after the other.
class Runner {
 public:
  Runner(const Study& study, Communicator& ranks, const SweepOptions& options)
      : study_(study), ranks_(ranks), options_(options) {}

  /// What became of the members, as JSON: [[number, fault, message], ...]; fault 0 is none.
  nlohmann::json run(const std::vector<std::size_t>& members,
                     const std::vector<MemberState>& states) {
    nlohmann::json told = nlohmann::json::array();
    Agreement agreement(ranks_);
    for (const std::size_t i : members) {
      const bool is_told = options_.signals != nullptr && options_.signals->pending() != 0;
      if (agreement.any(is_told)) break;
      const Member& m = study_.members[i];
      try {
        run_member(m, states[i]);
      } catch (const Error& e) {
        if (!ends_its_member_only(e.fault(), ranks_)) throw;
        say(fmt::format("{} failed: {}", m.name, e.what()));
        told.push_back({i, static_cast<int>(e.fault()), e.what()});
      }
    }
    return told;
  }

 private:
  void say(const std::string& text) const {
    if (ranks_.rank() != 0) return;
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }

  void run_member(const Member& m, const MemberState& state) {
    const Mesh mesh(ranks_, m.config.mesh);
    const auto wanted = static_cast<int>(m.config.runtime.threads);
    const int threads = wanted > 0 ? wanted : options_.threads;
    if (state.kind != MemberState::Kind::finished && train(m, mesh, threads) != 0) return;
    SavedRun saved;
    Agreement(ranks_).together([&] { saved = read_saved_run(m.folder().root); });
    const EvalResult result = evaluate_run(saved, mesh, threads);
    for (const ValidationReport& v : result.validation)
      say(fmt::format("{} | evaluated: {} loss {:.4f}", m.name, v.name, v.loss));
  }

  int train(const Member& m, const Mesh& mesh, int threads) {
    restart_memory_peak();
    RunReporter reporter(m.config, {.matmul_peak = options_.matmul_peak,
                                    .ranks = ranks_.size(),
                                    .threads = threads,
                                    .prefix = m.name + " | "});
    Trainer trainer(
        m.config, mesh,
        {.overrides = {}, .threads = threads, .signals = options_.signals, .reporter = &reporter});
    return trainer.run();
  }

  const Study& study_;
  Communicator& ranks_;
  const SweepOptions& options_;
};

}  // namespace

SweepResult run_sweep(const Study& study,
                      const std::vector<MemberState>& states,
                      Communicator& world,
                      const SweepOptions& options) {
  require(world.size() % study.ranks == 0, Fault::user,
          "{} started, and each run of {} takes {}; hint: start {} ranks, for {} side by side",
          counted(world.size(), "rank was", "ranks were"), study.name, study.ranks,
          ceil_div(std::int64_t{world.size()}, std::int64_t{study.ranks}) * study.ranks,
          counted(ceil_div(world.size(), study.ranks), "run"));
  const int groups = world.size() / study.ranks;
  const int mine = world.rank() / study.ranks;
  const auto ranks = world.split("run", mine, world.rank());
  const auto members = shared_out(study, states, groups);
  nlohmann::json told =
      Runner(study, *ranks, options).run(members[size_of(std::int64_t{mine})], states);
  if (ranks->rank() != 0) told = nlohmann::json::array();

  SweepResult result;
  result.failures.resize(study.members.size());
  std::vector<int> faults(study.members.size());
  for (const std::string& text : Agreement(world).gather(told.dump())) {
    for (const nlohmann::json& line : nlohmann::json::parse(text)) {
      const std::size_t i = line[0];
      faults[i] = line[1];
      result.failures[i] = line[2];
    }
  }
  const auto failed = std::find_if(faults.begin(), faults.end(), [](int f) { return f != 0; });
  const std::vector<MemberState> now = look_at_all(study, world);
  for (std::size_t i = 0; i < now.size(); ++i) {
    const bool is_done = now[i].kind == MemberState::Kind::finished && now[i].is_evaluated;
    if (!is_done && faults[i] == 0) result.status = exit_interrupted;
  }
  if (result.status == 0 && failed != faults.end()) result.status = *failed;
  return result;
}

}  // namespace mneme
