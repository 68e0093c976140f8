#include "app/command.h"

namespace mneme {

void add_config_arguments(CLI::App& command, ConfigArguments& arguments) {
  command.add_option("CONFIG", arguments.file, "the run's YAML file")->required();
  command
      .add_option(
          "--set", arguments.overrides,
          "KEY=VALUE: an option over what the file says, such as optimizer.lr=1e-3; repeatable")
      ->allow_extra_args(false);
}

}  // namespace mneme
