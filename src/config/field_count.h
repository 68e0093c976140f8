#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace mneme::detail {

/// Stands for any value in an unevaluated initialiser: converting is its purpose, it is never
/// defined.
struct AnyValue {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};

template <class C, class... Values>
concept MadeFrom = requires {
  C{std::declval<Values>()...};
};

/// The number of fields of the aggregate C: the longest list of values that initialises it. An
/// optional field is tried with nullopt, since AnyValue could become it in two ways.
template <class C, class... Values>
consteval std::size_t field_count() {
  static_assert(std::is_aggregate_v<C>);
  if constexpr (MadeFrom<C, Values..., AnyValue>) {
    return field_count<C, Values..., AnyValue>();
  } else if constexpr (MadeFrom<C, Values..., std::nullopt_t>) {
    return field_count<C, Values..., std::nullopt_t>();
  } else {
    return sizeof...(Values);
  }
}

}  // namespace mneme::detail
