#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace mneme {

/// What one field may hold. A rule on numbers or text that is put on a list holds for each element;
/// on an optional field it holds for the value, if there is one.
struct Rule {
  std::string wanted;                            ///< in an error: "must be at least 1"
  std::string allowed;                           ///< in the documentation: "at least 1"
  std::function<bool(double)> number;            ///< empty: says nothing about numbers
  std::function<bool(const std::string&)> text;  ///< empty: says nothing about text
  std::function<bool(std::size_t)> length;       ///< of a list; empty: says nothing about lists
  bool required = false;                         ///< the key must be written
  bool free_to_change = false;                   ///< changing it leaves the results as they are
};

Rule number_rule(const std::string& allowed, std::function<bool(double)> holds);

/// The bounds below are for integers, real numbers and durations (in seconds) alike; the type that
/// may be named, as in `positive<double>()`, is for the reader only.
template <class = double>
Rule positive() {
  return number_rule("positive", [](double v) { return v > 0; });
}
template <class = double>
Rule non_negative() {
  return number_rule("not negative", [](double v) { return v >= 0; });
}

Rule at_least(double low);
Rule at_most(double high);
Rule greater_than(double low);
Rule less_than(double high);
Rule in_range(double low, double high);  ///< low <= value <= high
Rule multiple_of(std::int64_t factor);
Rule one_of(std::initializer_list<double> values);
Rule one_of(std::initializer_list<std::string_view> values);

/// Text with at least one character, or a list with at least one element.
Rule not_empty();

/// The key has no usable default: it must be written in the file or by an override.
Rule required();

/// Changing this option (an interval of logging, a folder) does not change what a run computes, so
/// a run may be resumed with another value.
Rule free_to_change();

}  // namespace mneme
