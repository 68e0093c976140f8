#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "app/command.h"
#include "app/ranks.h"
#include "base/amount.h"
#include "base/text_file.h"
#include "study/study_table.h"
#include "study/sweep.h"
#include "train/machine_speed.h"
#include "train/stop_signals.h"

namespace mneme {
namespace {

struct SweepArguments {
  ConfigArguments study;
  bool dry_run = false;
};

void say(const std::string& text) {
  fmt::print("{}", text);
  std::fflush(stdout);
}

/// What is there already, and what goes on.
void announce(const Study& study, const std::vector<MemberState>& states) {
  for (std::size_t i = 0; i < states.size(); ++i) {
    const Member& m = study.members[i];
    const std::string state = to_text(states[i], m);
    if (states[i].kind == MemberState::Kind::finished) {
      const std::string more = states[i].is_evaluated ? "" : "; to be evaluated";
      say(fmt::format("there already: {} ({}{})\n", m.name, state, more));
    } else if (states[i].kind == MemberState::Kind::started) {
      say(fmt::format("to go on: {} ({})\n", m.name, state));
    }
  }
}

int sweep(const SweepArguments& arguments) {
  StopSignals signals;
  const World ranks;
  const Study study = read_study(arguments.study.file, arguments.study.overrides);
  const std::vector<MemberState> before = look_at_all(study, ranks.world());
  if (arguments.dry_run) {
    if (ranks.is_first()) say(to_plan_table(study, before));
    return 0;
  }
  if (ranks.is_first()) {
    say(fmt::format("study {}: {}, {} each, in {}\n", study.name,
                    counted(std::ssize(study.members), "member"), counted(study.ranks, "rank"),
                    study.folder.string()));
    announce(study, before);
  }
  const int threads = ranks.threads(0);
  const bool trains = std::any_of(before.begin(), before.end(), [](const MemberState& s) {
    return s.kind != MemberState::Kind::finished;
  });
  const double peak = trains ? matmul_share_of_rank(ranks.world(), threads) : 0;
  const SweepResult result = run_sweep(
      study, before, ranks.world(), {.threads = threads, .signals = &signals, .matmul_peak = peak});
  const std::vector<MemberState> after = look_at_all(study, ranks.world());
  if (!ranks.is_first()) return result.status;
  const std::vector<MemberResult> results = read_results(study, after, result.failures);
  const std::filesystem::path csv = study.folder / "results.csv";
  std::filesystem::create_directories(study.folder);
  write_text_atomically(csv, to_csv(study, results));
  say(fmt::format("\n{}\nthe same in {}\n", to_table(results), csv.string()));
  if (result.status == exit_interrupted)
    say("interrupted; the same command runs what is missing\n");
  return result.status;
}

}  // namespace

void add_sweep(CLI::App& app, Action& chosen) {
  auto arguments = std::make_shared<SweepArguments>();
  CLI::App* command = app.add_subcommand(
      "sweep", "train the members of a study, those that are missing, and put them in one table");
  command
      ->add_option("STUDY", arguments->study.file,
                   "YAML: name, base, set, grid and list; see configs/sweeps and docs/study.md")
      ->required();
  command
      ->add_option("--set", arguments->study.overrides,
                   "KEY=VALUE: an option of all members, over what the file says; repeatable")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", arguments->dry_run,
                    "list the members, how far each is and what it takes, and run nothing");
  command->footer(
      "A study file:\n"
      "  name: rows                              # folder runs/rows, one folder per member in it\n"
      "  base: ../tiny/memory_cpu.yaml           # what all members build on\n"
      "  ranks: 1                                # of each run; mpirun -n 4 runs four side by "
      "side\n"
      "  set: {train.steps: 300}                 # for all members\n"
      "  grid: {model.memory.half_keys: [64, 128]}   # a member for every combination of values\n"
      "  list: [{name: dense, base: ../tiny/dense_cpu.yaml}]   # members one by one\n\n"
      "Example: mpirun -n 2 mneme sweep configs/sweeps/tiny_rows.yaml");
  command->callback([arguments, &chosen] { chosen = [arguments] { return sweep(*arguments); }; });
}

}  // namespace mneme
