#include "study/member_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/amount.h"
#include "base/check.h"
#include "base/text_file.h"
#include "checkpoint/folder.h"
#include "checkpoint/outcome.h"
#include "config/parse.h"
#include "config/print.h"
#include "train/run_summary.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

void require_same_config(const Member& m) {
  const fs::path file = m.folder().config();
  if (!fs::exists(file)) return;
  const auto saved = parse_text<RunConfig>(read_text(file), file.string());
  std::string list;
  for (const Change& c : diff(saved, m.config)) {
    if (c.alters_result) list += fmt::format("\n  {}: {} -> {}", c.key, c.before, c.after);
  }
  require(list.empty(), Fault::user,
          "{} holds a run with other options than the study's:{}\n  hint: give the study another "
          "name, or move the folder away",
          m.folder().root.string(), list);
}

bool is_evaluated(const Member& m, std::int64_t step) {
  const auto eval = read_eval(m.folder().root);
  if (!eval || eval->step != step) return false;
  const DataConfig& data = m.config.data;
  const bool same_sets = std::equal(
      data.validation.begin(), data.validation.end(), eval->validation.begin(),
      eval->validation.end(),
      [](const ValidationConfig& c, const ValidationReport& r) { return c.name == r.name; });
  return same_sets && data.probes.empty() == eval->recall.empty();
}

}  // namespace

MemberState look_at(const Member& m) {
  require_same_config(m);
  MemberState state;
  const fs::path root = m.folder().root;
  if (!fs::exists(root)) return state;
  const auto summary = read_summary(root);
  if (summary && summary->step >= m.config.train.steps) {
    state.kind = MemberState::Kind::finished;
    state.step = summary->step;
    state.is_evaluated = is_evaluated(m, summary->step);
    return state;
  }
  const LatestCheckpoint latest = latest_checkpoint(m.folder().checkpoints());
  if (!latest.entry) return state;
  state.kind = MemberState::Kind::started;
  state.step = latest.entry->step;
  return state;
}

std::vector<MemberState> look_at_all(const Study& study, Communicator& world) {
  nlohmann::json told = nlohmann::json::array();
  std::vector<std::string> refusals;
  for (std::size_t i = 0; world.rank() == 0 && i < study.members.size(); ++i) {
    try {
      const MemberState s = look_at(study.members[i]);
      told.push_back({s.kind, s.step, s.is_evaluated});
    } catch (const Error& e) {
      if (e.fault() != Fault::user) throw;
      refusals.emplace_back(e.what());
    }
  }
  // Where rank 0 leaves here, the job ends while the others wait for its word.
  require(refusals.empty(), Fault::user, "{}", fmt::join(refusals, "\n"));
  told = nlohmann::json::parse(Agreement(world).from_first(told.dump()));
  std::vector<MemberState> states;
  for (const nlohmann::json& s : told) states.push_back({s[0], s[1], s[2]});
  return states;
}

std::string to_text(const MemberState& s, const Member& m) {
  const std::int64_t steps = m.config.train.steps;
  if (s.kind == MemberState::Kind::absent) return "not started";
  if (s.kind == MemberState::Kind::started) return fmt::format("at step {} of {}", s.step, steps);
  return "finished, " + counted(s.step, "step");
}

}  // namespace mneme
