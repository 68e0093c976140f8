#include <fmt/format.h>

#include "app/command.h"
#include "base/amount.h"
#include "base/check.h"
#include "config/markdown.h"
#include "config/parse.h"
#include "config/print.h"
#include "data/data_files.h"
#include "study/study_config.h"
#include "train/known_vocabulary.h"
#include "train/plan.h"

namespace mneme {
namespace {

struct CheckArguments {
  std::vector<std::string> files;
  std::vector<std::string> overrides;
  int ranks = 0;
};

struct ShowArguments {
  ConfigArguments config;
  std::string key;
  bool comments = false;
};

/// Files that are named and not here: a note and no mistake, for the config may be meant for
/// another machine.
std::string absence_note(const DataConfig& data) {
  const std::vector<AbsentFile> absent = absent_files(data);
  std::string note;
  for (const AbsentFile& f : absent) note += fmt::format("\n  note: {}", f.line());
  return absent.empty() ? note : fmt::format("{}\n  hint: {}", note, absent_hint(absent));
}

/// Reads the file, then runs one step of it on measuring arenas: what `train` would refuse before
/// its first step is refused here, but for what the data say; files are looked for, not read.
std::string check_file(const CheckArguments& a, const std::string& file) {
  auto config = parse<RunConfig>(file, a.overrides);
  const int axes = std::max(1, config.mesh.data) * std::max(1, config.mesh.memory);
  const int ranks = a.ranks > 0 ? a.ranks : axes;
  const bool is_known = config.model.vocabulary > 0;
  if (!is_known) config.model.vocabulary = stand_in_vocabulary;
  const Plan plan = make_plan(config, ranks);
  const std::string parameters =
      is_known ? parameters_text(plan.parameters) + " parameters" : "vocabulary from the data";
  return fmt::format("ok {}: {}, {} per rank on {}{}", file, parameters, bytes_text(plan.bytes()),
                     counted(ranks, "rank"), absence_note(config.data));
}

/// All files are looked at; the status is that of the first that fails.
int check(const CheckArguments& a) {
  int status = 0;
  for (const std::string& file : a.files) {
    try {
      fmt::print("{}\n", check_file(a, file));
    } catch (const Error& e) {
      fmt::print(stderr, "{}\n", e.what());
      if (status == 0) status = static_cast<int>(e.fault());
    }
    std::fflush(stdout);
  }
  return status;
}

int show(const ShowArguments& a) {
  const auto config = parse<RunConfig>(a.config.file, a.config.overrides);
  if (a.key.empty()) {
    fmt::print("{}", to_yaml(config, a.comments ? Comments::descriptions : Comments::none));
  } else {
    fmt::print("{}\n", get(config, a.key));
  }
  return 0;
}

}  // namespace

void add_config(CLI::App& app, Action& chosen) {
  CLI::App* config = app.add_subcommand("config", "check, show and document the options of runs");
  config->require_subcommand(1);
  config->footer("Example: mneme config check configs/tiny/memory_cpu.yaml");

  auto c = std::make_shared<CheckArguments>();
  CLI::App* check_command = config->add_subcommand(
      "check", "read configs and measure a step of each, without data and memory");
  check_command->add_option("CONFIG", c->files, "YAML files")->required();
  check_command->add_option("--set", c->overrides, "KEY=VALUE, as for train; repeatable")
      ->allow_extra_args(false);
  check_command->add_option("--ranks", c->ranks, "of the job; by default mesh.data * mesh.memory")
      ->check(CLI::PositiveNumber);
  check_command->footer("Example: mneme config check configs/tiny/*.yaml --ranks 2");
  check_command->callback([c, &chosen] { chosen = [c] { return check(*c); }; });

  auto s = std::make_shared<ShowArguments>();
  CLI::App* show_command = config->add_subcommand(
      "show", "the effective config: every option, what the file leaves out included");
  add_config_arguments(*show_command, s->config);
  show_command->add_option("--key", s->key, "only the value of this dotted key");
  show_command->add_flag("--comments", s->comments, "with unit and meaning beside each option");
  show_command->footer(
      "Example: mneme config show configs/tiny/memory_cpu.yaml --key model.memory");
  show_command->callback([s, &chosen] { chosen = [s] { return show(*s); }; });

  auto of_study = std::make_shared<bool>(false);
  CLI::App* doc = config->add_subcommand("doc", "the page of all options, as Markdown");
  doc->add_flag("--study", *of_study, "the options of a study's file instead of a run's");
  doc->footer("Example: mneme config doc > docs/config.md");
  doc->callback([of_study, &chosen] {
    chosen = [of_study] {
      fmt::print("{}", *of_study ? to_markdown<StudyConfig>("Options of a study")
                                 : to_markdown<RunConfig>("Options of a run"));
      return 0;
    };
  });
}

}  // namespace mneme
