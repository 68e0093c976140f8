#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "data/text_iterator.h"

namespace mneme {

/// The names that an enum's option accepts.
template <NamedEnum E>
std::vector<std::string> enum_option_names() {
  std::vector<std::string> names;
  for (const auto& [value, name] : EnumNames<E>::table) names.emplace_back(name);
  return names;
}

/// An option that takes one of an enum's names; `value` holds the default until then and must live
/// as long as the command.
template <NamedEnum E>
CLI::Option* add_enum_option(CLI::App& command,
                             const std::string& name,
                             E& value,
                             const std::string& help) {
  return command
      .add_option_function<std::string>(
          name, [&value](const std::string& given) { value = enum_value<E>(given).value(); }, help)
      ->check(CLI::IsMember(enum_option_names<E>()))
      ->type_name("TEXT:{" + enum_choices<E>() + "}")
      ->default_str(std::string(enum_name(value)));
}

/// INPUT..., --field and --documents: which texts a command reads.
void add_text_arguments(CLI::App& command, TextSelection& text);

}  // namespace mneme
