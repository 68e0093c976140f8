#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mneme {

/// A span of time. In config files a number with a unit: `90s`, `2h30m`, `1.5h`, `250ms`.
struct Duration {
  double seconds = 0;
  friend bool operator==(const Duration&, const Duration&) = default;
};

/// The result of reading a scalar: the value, or one clause saying what is wanted instead.
template <class T>
struct Scalar {
  std::optional<T> value;
  std::string problem;
};

/// An integer as read: its sign and magnitude, before the type of the field is known.
struct WholeNumber {
  bool negative = false;
  std::uint64_t magnitude = 0;

  /// The value as T, or nothing if it does not fit.
  template <class T>
  std::optional<T> as() const {
    if (!negative) {
      return std::in_range<T>(magnitude) ? std::optional(static_cast<T>(magnitude)) : std::nullopt;
    }
    if (magnitude > std::uint64_t{1} << 63) return std::nullopt;
    const std::int64_t value = static_cast<std::int64_t>(~magnitude + 1);
    return std::in_range<T>(value) ? std::optional(static_cast<T>(value)) : std::nullopt;
  }
};

/// Number forms of config files, for integers and real numbers alike:
///   128000   128_000   -5   0.25   .5   3e-4   1e6
///   64K 0.5M 2B 15T    times 10^3, 10^6, 10^9, 10^12
///   64Ki 4Mi 1Gi 1Ti   times 2^10, 2^20, 2^30, 2^40
/// An integer may take any form whose value is exactly an integer (`0.5M`, `1e6`, not `0.5`).
/// Refused, each with its own hint: leading zeros (`0123`: octal or decimal?), hexadecimal, octal
/// and binary, commas, nan and infinity, a suffix after an exponent, other suffixes (`64k`, `1G`),
/// and values that the type cannot hold. A real number is rounded once, to the nearest double.
Scalar<WholeNumber> read_integer(std::string_view text);
Scalar<double> read_real(std::string_view text);

/// Numbers followed by d, h, m, s or ms, each unit at most once, from the longest to the shortest,
/// not negative. A bare number is refused: its unit would be a guess.
Scalar<Duration> read_duration(std::string_view text);

/// The shortest text that read_real reads back to the same bits.
std::string real_text(double value);

/// Text that read_duration reads back to the same bits: whole seconds as `2h30m`, else `0.25s`.
std::string duration_text(Duration value);

/// Whether a bare word could be meant, by this or another YAML reader, for a number, a truth value
/// or null (`2024`, `3e-4`, `0x1f`, `007`, `.inf`, `yes`, `off`, `true`, `~`). Such a word is text
/// only in quotes: nothing is ever read as a string by accident.
bool is_never_text(std::string_view text);

/// The paragraph on number forms for the documentation, in Markdown.
std::string number_forms_text();

}  // namespace mneme
