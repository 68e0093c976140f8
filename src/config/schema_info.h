#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_node.h"

namespace mneme {

struct SchemaInfo;

/// One field as far as documents, key lists and comparisons go: without its C++ type.
struct FieldInfo {
  enum class Holds { value, group, groups_in_list, groups_by_name };

  std::string name;
  std::string unit;  ///< "" for a pure number
  std::string description;
  std::string type;                  ///< "integer", "list of numbers", "none | silu"
  std::vector<std::string> allowed;  ///< of its rules: "at least 1"
  bool required = false;             ///< must be written
  bool free_to_change = false;       ///< does not alter what a run computes
  Holds holds = Holds::value;
  const SchemaInfo* group = nullptr;  ///< the struct(s) inside, unless it holds plain values
};

/// A described struct, without its C++ type.
struct SchemaInfo {
  std::vector<FieldInfo> fields;
  std::vector<std::string> rules;  ///< across fields
  YamlNode defaults;               ///< a map of every field

  const FieldInfo* find(std::string_view name) const;
  std::vector<std::string> names() const;
};

/// Every dotted key of a struct, groups included, in order of description. Elements of lists of
/// groups are written `train.0.weight`, those of named groups `sets.NAME.path`.
std::vector<std::string> dotted_keys(const SchemaInfo& info);

/// The field at a dotted key, or nullptr. Elements of a list of values belong to the list's field.
const FieldInfo* find_field(const SchemaInfo& info, std::string_view dotted);

/// A rule across fields with the names of fields filled in, as an error shows it.
struct RuleText {
  std::string key;  ///< dotted, relative: the field to blame; "" is the whole group
  std::vector<std::string> mentions;  ///< every field named, `key` first
  std::string why;                    ///< "must be at least model.memory.top_k = 32"
};

/// `rule` names fields of the group `group`, whose values are `values`. Fields stand in braces
/// ("{half_keys} must be at least {top_k}") or, where the text has no braces, are the words that
/// name one ("beta1 < beta2"). The first one is blamed. A text that begins "{x} must ..." is
/// completed with the other fields' values in place; of any other text the values follow it.
RuleText rule_text(const std::string& rule, const std::string& group, const YamlNode& values);

/// `rule` for the documentation: names in code marks instead of braces.
std::string rule_for_docs(const std::string& rule);

}  // namespace mneme
