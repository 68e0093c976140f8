#include "app/command.h"

#include <fmt/format.h>

#include "config/problems.h"

namespace mneme {

std::string unknown_command(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  std::string path = app.get_name();
  for (const std::string& word : words) {
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* c : at->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(c->get_name());
      if (c->get_name() == word) next = c;
    }
    if (names.empty() || word.starts_with("-")) return {};
    if (next == nullptr) {
      const std::string close = nearest(word, names);
      const std::string hint = close.empty()
                                   ? "; there are " + fmt::format("{}", fmt::join(names, ", "))
                                   : ", did you mean " + close + "?";
      return fmt::format("there is no command '{} {}'{}", path, word, hint);
    }
    path += " " + word;
    at = next;
  }
  return {};
}

void add_overrides(CLI::App& command, std::vector<std::string>& overrides) {
  command
      .add_option(
          "--set", overrides,
          "KEY=VALUE: an option over what the file says, such as optimizer.lr=1e-3; repeatable")
      ->allow_extra_args(false);
}

void add_config_arguments(CLI::App& command, ConfigArguments& arguments) {
  command.add_option("CONFIG", arguments.file, "the run's YAML file")->required();
  add_overrides(command, arguments.overrides);
}

void add_model_arguments(CLI::App& command, ConfigArguments& arguments) {
  command.add_option("MODEL", arguments.file, "a run's folder, or one checkpoint in it")
      ->required();
  add_overrides(command, arguments.overrides);
}

}  // namespace mneme
