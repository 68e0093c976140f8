#include "app/command.h"

namespace mneme {

namespace {

void add_overrides(CLI::App& command, ConfigArguments& arguments) {
  command
      .add_option(
          "--set", arguments.overrides,
          "KEY=VALUE: an option over what the file says, such as optimizer.lr=1e-3; repeatable")
      ->allow_extra_args(false);
}

}  // namespace

void add_config_arguments(CLI::App& command, ConfigArguments& arguments) {
  command.add_option("CONFIG", arguments.file, "the run's YAML file")->required();
  add_overrides(command, arguments);
}

void add_model_arguments(CLI::App& command, ConfigArguments& arguments) {
  command.add_option("MODEL", arguments.file, "a run's folder, or one checkpoint in it")
      ->required();
  add_overrides(command, arguments);
}

}  // namespace mneme
