#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace mneme {

/// ceil(a / b) for a >= 0, b > 0.
template <class T>
constexpr T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}

/// The smallest multiple of `b` that is >= `a`.
template <class T>
constexpr T round_up(T a, T b) {
  return ceil_div(a, b) * b;
}

/// a / b, which must leave no remainder.
template <class T>
constexpr T exact_div(T a, T b) {
  require(b != 0 && a % b == 0, Fault::bug, "{} is not a multiple of {}", a, b);
  return a / b;
}

/// Converts between integer types and refuses to change the value.
template <class To, class From>
requires std::is_integral_v<To> && std::is_integral_v<From>
constexpr To narrow(From value) {
  require(std::in_range<To>(value), Fault::bug, "{} does not fit its integer type", value);
  return static_cast<To>(value);
}

/// A non-negative signed count as a size for the standard library.
constexpr std::size_t size_of(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

/// A block [first, last) of indices.
struct Range {
  std::int64_t first = 0;
  std::int64_t last = 0;
  constexpr std::int64_t count() const { return last - first; }
  friend constexpr bool operator==(const Range&, const Range&) = default;
};

/// Part `part` of `parts` of n indices: [floor(part*n/parts), floor((part+1)*n/parts)).
constexpr Range block_of(std::int64_t n, std::int64_t part, std::int64_t parts) {
  return {part * n / parts, (part + 1) * n / parts};
}

}  // namespace mneme
