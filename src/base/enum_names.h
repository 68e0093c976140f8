#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace mneme {

/// The names of an enum's values, declared once per enum by specialising this:
///   template <> struct EnumNames<Gate> {
///     static constexpr std::array table{std::pair{Gate::none, std::string_view("none")}, ...};
///   };
/// Config files, logs and tests all take the names from here.
template <class E>
struct EnumNames;

template <class E>
concept NamedEnum = requires {
  EnumNames<E>::table;
};

template <NamedEnum E>
constexpr std::string_view enum_name(E value) {
  for (const auto& [v, name] : EnumNames<E>::table) {
    if (v == value) return name;
  }
  fail(Fault::bug, "an enum value without a name");
}

template <NamedEnum E>
constexpr std::optional<E> enum_value(std::string_view name) {
  for (const auto& [v, n] : EnumNames<E>::table) {
    if (n == name) return v;
  }
  return std::nullopt;
}

/// "none | silu | sigmoid"
template <NamedEnum E>
std::string enum_choices() {
  std::string all;
  for (const auto& [v, name] : EnumNames<E>::table) {
    if (!all.empty()) all += " | ";
    all += name;
  }
  return all;
}

}  // namespace mneme
