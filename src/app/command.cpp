#include "app/command.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/problems.h"
#include "config/schema_info.h"
#include "train/run_config.h"

namespace mneme {
namespace {

/// The keys of a run that hold a value, and whose last part, or whole, is `name`.
std::vector<std::string> keys_named(const std::string& name) {
  const SchemaInfo& info = schema_of<RunConfig>().info();
  std::vector<std::string> found;
  for (const std::string& key : dotted_keys(info)) {
    const FieldInfo* field = find_field(info, key);
    if (field == nullptr || field->group != nullptr) continue;
    if (key == name) return {key};
    if (key.ends_with("." + name)) found.push_back(key);
  }
  return found;
}

/// The subcommand of `app` that is called `name`, or nullptr.
const CLI::App* subcommand_of(const CLI::App& app, const std::string& name) {
  const auto named = app.get_subcommands([&](const CLI::App* c) { return c->get_name() == name; });
  return named.empty() ? nullptr : named.front();
}

}  // namespace

std::string unknown_option(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* command = &app;
  std::string path = app.get_name();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (const CLI::App* next = subcommand_of(*command, word)) {
      command = next;
      path += " " + word;
      continue;
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string option = word.substr(0, equals);
    const bool is_unknown =
        option.starts_with("--") && command->get_option_no_throw(option) == nullptr;
    if (!is_unknown || command->get_option_no_throw("--set") == nullptr) continue;
    std::string name = option.substr(2);
    std::replace(name.begin(), name.end(), '-', '_');
    const std::vector<std::string> keys = keys_named(name);
    if (keys.empty()) continue;
    std::string value = "...";
    if (equals < word.size()) {
      value = word.substr(equals + 1);
    } else if (i + 1 < words.size() && !words[i + 1].starts_with("--")) {
      value = words[i + 1];
    }
    const bool is_one = keys.size() == 1;
    return fmt::format("{} has no option {}; hint: --set {}={}{}", path, option,
                       is_one ? keys.front() : "KEY", value,
                       is_one ? "" : fmt::format(", KEY one of {}", fmt::join(keys, ", ")));
  }
  return {};
}

std::string unknown_command(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  std::string path = app.get_name();
  for (const std::string& word : words) {
    std::vector<std::string> names;
    for (const CLI::App* c : at->get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(c->get_name());
    const CLI::App* next = subcommand_of(*at, word);
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
