#pragma once

#include <span>
#include <string_view>

namespace mneme {

/// The words that synthetic biographies are made of. All lists are constant: the corpus of a seed
/// never changes within a version of this page.
std::span<const std::string_view> first_names();
std::span<const std::string_view> last_names();

/// One thing that is true of a person.
struct FactAttribute {
  std::string_view name;                     // "birth_city"
  std::span<const std::string_view> values;  // what it may be
  std::span<const std::string_view>
      phrasings;  // "{} was born in": {} is the name, the value follows
};
std::span<const FactAttribute> fact_attributes();

}  // namespace mneme
