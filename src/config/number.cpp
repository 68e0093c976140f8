#include "config/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace mneme {
namespace {

constexpr std::string_view number_examples = "such as 3e-4, 128_000, 0.5M or 64Ki";

struct Suffix {
  std::string_view text;
  int power_of_ten;
  int power_of_two;
};

constexpr std::array suffixes{Suffix{"", 0, 0},    Suffix{"K", 3, 0},   Suffix{"M", 6, 0},
                              Suffix{"B", 9, 0},   Suffix{"T", 12, 0},  Suffix{"Ki", 0, 10},
                              Suffix{"Mi", 0, 20}, Suffix{"Gi", 0, 30}, Suffix{"Ti", 0, 40}};

/// A number taken apart: digits * 10^ten * 2^two, or, where `problem` is not empty, what is wrong.
struct Parts {
  bool negative = false;
  std::string digits;  // no leading zero unless it is the only digit
  int ten = 0;
  int two = 0;
  std::string problem;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes digits, with single underscores between them, from the front of `rest`.
std::string take_digits(std::string_view& rest) {
  std::string digits;
  while (!rest.empty()) {
    if (is_digit(rest.front())) {
      digits += rest.front();
      rest.remove_prefix(1);
    } else if (rest.front() == '_' && !digits.empty() && rest.size() > 1 && is_digit(rest[1])) {
      rest.remove_prefix(1);
    } else {
      break;
    }
  }
  return digits;
}

/// Takes an exponent `e-4` from the front of `rest`; nothing if none is there.
std::optional<int> take_exponent(std::string_view& rest) {
  if (rest.size() < 2 || (rest.front() != 'e' && rest.front() != 'E')) return std::nullopt;
  const bool negative = rest[1] == '-';
  const std::size_t start = rest[1] == '-' || rest[1] == '+' ? 2 : 1;
  std::size_t end = start;
  while (end < rest.size() && is_digit(rest[end])) ++end;
  if (end == start) return std::nullopt;
  int value = 0;
  const auto read = std::from_chars(rest.data() + start, rest.data() + end, value);
  if (read.ec != std::errc()) value = 1'000'000;  // beyond every type: reported as out of range
  rest.remove_prefix(end);
  return negative ? -std::min(value, 1'000'000) : std::min(value, 1'000'000);
}

std::string suffix_problem(std::string_view rest) {
  if (rest == "k" || rest == "m" || rest == "b" || rest == "t" || rest == "G" || rest == "g") {
    return fmt::format(
        "'{}' is not a suffix: K, M, B, T are powers of ten and Ki, Mi, Gi, Ti powers of two",
        rest);
  }
  if (rest.front() == ',') return "must be written without commas, such as 1_000";
  return fmt::format("must be a number {}", number_examples);
}

/// What is wrong with text that is not even close to a decimal number, or "".
std::string odd_form(std::string_view body) {
  if (body.size() > 1 && body.front() == '0' &&
      std::string_view("xXoObB").find(body[1]) != std::string_view::npos) {
    return "must be a decimal number";
  }
  std::string lower(body);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (lower == "nan" || lower == ".nan" || lower == "inf" || lower == ".inf" ||
      lower == "infinity") {
    return "must be a finite number";
  }
  return "";
}

Parts take_apart(std::string_view text) {
  Parts p;
  std::string_view rest = text;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    p.negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  p.problem = odd_form(rest);
  if (!p.problem.empty()) return p;
  const std::string whole = take_digits(rest);
  std::string fraction;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
  }
  if (whole.empty() && fraction.empty()) {
    p.problem = fmt::format("must be a number {}", number_examples);
    return p;
  }
  if (whole.size() > 1 && whole.front() == '0') {
    p.problem = "must not start with a zero, which other readers take for an octal number";
    return p;
  }
  const std::optional<int> exponent = take_exponent(rest);
  const auto suffix = std::find_if(suffixes.begin(), suffixes.end(),
                                   [&](const Suffix& s) { return s.text == rest; });
  if (suffix == suffixes.end()) {
    p.problem = suffix_problem(rest);
  } else if (exponent && !rest.empty()) {
    p.problem = fmt::format("has an exponent and the suffix {}: use one of them", rest);
  } else {
    p.digits = whole + fraction;
    p.digits.erase(0, std::min(p.digits.find_first_not_of('0'), p.digits.size() - 1));
    p.ten = exponent.value_or(0) + suffix->power_of_ten - static_cast<int>(fraction.size());
    p.two = suffix->power_of_two;
  }
  return p;
}

/// digits * 10^ten * 2^two exactly; nothing if it is no integer, with `too_large` if it is beyond
/// 64 bits.
std::optional<std::uint64_t> exact_integer(Parts p, bool& too_large) {
  too_large = false;
  if (p.digits == "0") return 0;
  while (p.digits.back() == '0') {
    p.digits.pop_back();
    ++p.ten;
  }
  std::uint64_t value = 0;
  const auto read = std::from_chars(p.digits.data(), p.digits.data() + p.digits.size(), value);
  if (read.ec != std::errc() || p.ten > 20) {
    too_large = p.ten >= 0;  // more than 64 bits; with a fraction it is simply not an integer
    return std::nullopt;
  }
  int two = p.two + p.ten;
  for (; p.ten < 0; ++p.ten) {
    if (value % 5 != 0) return std::nullopt;
    value /= 5;
  }
  for (; p.ten > 0; --p.ten) {
    too_large = too_large || __builtin_mul_overflow(value, std::uint64_t{5}, &value);
  }
  for (; two < 0; ++two) {
    if (value % 2 != 0) return std::nullopt;
    value /= 2;
  }
  for (; two > 0; --two) {
    too_large = too_large || __builtin_mul_overflow(value, std::uint64_t{2}, &value);
  }
  return too_large ? std::nullopt : std::optional(value);
}

struct Unit {
  std::string_view text;
  double seconds;
};

constexpr std::array units{Unit{"d", 86400}, Unit{"h", 3600}, Unit{"m", 60}, Unit{"s", 1},
                           Unit{"ms", 1e-3}};

}  // namespace

Scalar<WholeNumber> read_integer(std::string_view text) {
  Parts p = take_apart(text);
  if (!p.problem.empty()) return {std::nullopt, std::move(p.problem)};
  bool too_large = false;
  const bool negative = p.negative;
  const std::optional<std::uint64_t> magnitude = exact_integer(std::move(p), too_large);
  if (too_large) return {std::nullopt, "must fit into 64 bits"};
  if (!magnitude) return {std::nullopt, "must be an integer"};
  return {WholeNumber{negative, *magnitude}, ""};
}

Scalar<double> read_real(std::string_view text) {
  Parts p = take_apart(text);
  if (!p.problem.empty()) return {std::nullopt, std::move(p.problem)};
  const std::string decimal = fmt::format("{}e{}", p.digits, p.ten);
  double value = 0;
  const auto read = std::from_chars(decimal.data(), decimal.data() + decimal.size(), value);
  if (p.digits == "0") {
    value = 0;
  } else if (read.ec != std::errc() || !std::isfinite(std::ldexp(value, p.two))) {
    return {std::nullopt, "must fit into a 64-bit floating-point number"};
  }
  value = std::ldexp(value, p.two);
  return {p.negative ? -value : value, ""};
}

Scalar<Duration> read_duration(std::string_view text) {
  const std::string wanted = "must be a duration such as 90s, 2h30m or 1.5h";
  if (read_real(text).value) return {std::nullopt, wanted + ": the unit is missing"};
  double seconds = 0;
  std::size_t next_unit = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view start = rest;
    take_digits(rest);
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      take_digits(rest);
    }
    take_exponent(rest);
    const Scalar<double> number = read_real(start.substr(0, start.size() - rest.size()));
    const std::size_t length = rest.starts_with("ms") ? 2 : 1;
    const auto unit =
        std::find_if(units.begin() + static_cast<std::ptrdiff_t>(next_unit), units.end(),
                     [&](const Unit& u) { return u.text == rest.substr(0, length); });
    if (!number.value || rest.empty() || unit == units.end()) return {std::nullopt, wanted};
    seconds += *number.value * unit->seconds;
    next_unit = static_cast<std::size_t>(unit - units.begin()) + 1;
    rest.remove_prefix(length);
  }
  if (next_unit == 0 || !std::isfinite(seconds)) return {std::nullopt, wanted};
  return {Duration{seconds}, ""};
}

std::string real_text(double value) {
  return fmt::format("{}", value);
}

std::string duration_text(Duration value) {
  constexpr double exactly_whole = 1e15;
  if (value.seconds != std::floor(value.seconds) || value.seconds >= exactly_whole ||
      value.seconds <= 0) {
    return real_text(value.seconds) + "s";
  }
  auto left = static_cast<std::int64_t>(value.seconds);
  std::string text;
  for (const Unit& u : units) {
    if (u.seconds < 1) continue;
    const auto size = static_cast<std::int64_t>(u.seconds);
    if (left >= size) text += fmt::format("{}{}", left / size, u.text);
    left %= size;
  }
  return text;
}

bool is_never_text(std::string_view text) {
  constexpr std::array<std::string_view, 8> words{"true", "false", "yes",  "no",
                                                  "on",   "off",   "null", "~"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (lower.empty() || std::find(words.begin(), words.end(), lower) != words.end()) return true;
  std::string_view body = lower;
  if (body.front() == '-' || body.front() == '+') body.remove_prefix(1);
  if (!odd_form(body).empty()) return true;
  const bool like_1_30_or_007 =
      std::any_of(body.begin(), body.end(), is_digit) &&
      body.find_first_not_of("0123456789_.,:") == std::string_view::npos &&
      std::count(body.begin(), body.end(), '.') <= 1;
  return like_1_30_or_007 || read_real(text).value.has_value();
}

std::string number_forms_text() {
  return "Numbers are decimal. `128000`, `128_000`, `0.25`, `.5`, `3e-4` and `1e6` are read as "
         "they look. A suffix "
         "multiplies:\n`K`, `M`, `B`, `T` by 10^3, 10^6, 10^9, 10^12; `Ki`, `Mi`, `Gi`, `Ti` by "
         "2^10, 2^20, 2^30, 2^40 "
         "(`64Ki` is 65536).\nAn integer may take any of these forms if its value is exactly an "
         "integer: `0.5M` is "
         "500000, `0.5` is refused.\nRefused as ambiguous: `0123`, `0x1f`, `1,000`, `64k`, `1G`, "
         "`1e3K`; `nan` and "
         "`inf` are refused everywhere.\n\nTruth values are `true` and `false` only. Text that "
         "could be taken for a "
         "number, a truth value or null needs\nquotes: `name: \"2024\"`. A duration is numbers "
         "with units from `d`, `h`, "
         "`m`, `s`, `ms`, longest first: `90s`,\n`2h30m`, `1.5h`. `null` leaves an optional key "
         "unset.\n";
}

}  // namespace mneme
