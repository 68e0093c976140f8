#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mneme {

/// What the command line chose: set by the callback of a subcommand, run by main, which turns
/// errors into exit statuses. The result is the exit status.
using Action = std::function<int()>;

// One per subcommand, in cmd_<name>.cpp: describes its options and sets `chosen` when it is parsed.
void add_prep(CLI::App& app, Action& chosen);
void add_tokenizer(CLI::App& app, Action& chosen);
void add_train(CLI::App& app, Action& chosen);
void add_config(CLI::App& app, Action& chosen);
void add_checkpoint(CLI::App& app, Action& chosen);
void add_eval(CLI::App& app, Action& chosen);
void add_generate(CLI::App& app, Action& chosen);
void add_plan(CLI::App& app, Action& chosen);
void add_bench(CLI::App& app, Action& chosen);
void add_sweep(CLI::App& app, Action& chosen);
void add_compare(CLI::App& app, Action& chosen);
void add_doctor(CLI::App& app, Action& chosen);

/// "there is no command 'tran', did you mean train?" when the words of a command line name a
/// command that `app` or one of its commands does not have; empty otherwise.
std::string unknown_command(const CLI::App& app, const std::vector<std::string>& words);

/// "mneme train has no option --steps; hint: --set train.steps=5" when the words of a command line
/// hold an option that its command does not have, and one that takes --set does by the last part of
/// a key of runs; empty otherwise.
std::string unknown_option(const CLI::App& app, const std::vector<std::string>& words);

/// A config file and its --set options, which most commands take.
struct ConfigArguments {
  std::string file;
  std::vector<std::string> overrides;
};
/// The repeatable --set KEY=VALUE.
void add_overrides(CLI::App& command, std::vector<std::string>& overrides);
/// The positional MODEL (a run's folder or a checkpoint, kept in `file`) and the repeatable --set.
void add_model_arguments(CLI::App& command, ConfigArguments& arguments);
/// The positional CONFIG and the repeatable --set KEY=VALUE.
void add_config_arguments(CLI::App& command, ConfigArguments& arguments);

}  // namespace mneme
