#include "config/rule.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/number.h"

namespace mneme {

Rule number_rule(const std::string& allowed, std::function<bool(double)> holds) {
  Rule r;
  r.wanted = allowed.starts_with("not ")
                 ? "must " + allowed.substr(0, 4) + "be " + allowed.substr(4)
                 : "must be " + allowed;
  r.allowed = allowed;
  r.number = std::move(holds);
  return r;
}

Rule at_least(double low) {
  return number_rule("at least " + real_text(low), [low](double v) { return v >= low; });
}

Rule at_most(double high) {
  return number_rule("at most " + real_text(high), [high](double v) { return v <= high; });
}

Rule greater_than(double low) {
  return number_rule("greater than " + real_text(low), [low](double v) { return v > low; });
}

Rule less_than(double high) {
  return number_rule("less than " + real_text(high), [high](double v) { return v < high; });
}

Rule in_range(double low, double high) {
  return number_rule(fmt::format("from {} to {}", real_text(low), real_text(high)),
                     [low, high](double v) { return v >= low && v <= high; });
}

Rule multiple_of(std::int64_t factor) {
  const auto f = static_cast<double>(factor);
  return number_rule(fmt::format("a multiple of {}", factor),
                     [f](double v) { return std::fmod(v, f) == 0; });
}

Rule one_of(std::initializer_list<double> values) {
  const std::vector<double> all(values);
  return number_rule(fmt::format("one of {}", fmt::join(all, ", ")),
                     [all](double v) { return std::find(all.begin(), all.end(), v) != all.end(); });
}

Rule one_of(std::initializer_list<std::string_view> values) {
  const std::vector<std::string> all(values.begin(), values.end());
  Rule r;
  r.allowed = fmt::format("one of {}", fmt::join(all, ", "));
  r.wanted = "must be " + r.allowed;
  r.text = [all](const std::string& v) {
    return std::find(all.begin(), all.end(), v) != all.end();
  };
  return r;
}

Rule not_empty() {
  Rule r;
  r.wanted = "must not be empty";
  r.allowed = "not empty";
  r.text = [](const std::string& v) { return !v.empty(); };
  r.length = [](std::size_t n) { return n > 0; };
  return r;
}

Rule required() {
  Rule r;
  r.required = true;
  return r;
}

Rule free_to_change() {
  Rule r;
  r.free_to_change = true;
  return r;
}

}  // namespace mneme
