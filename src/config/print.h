#pragma once

#include <string>
#include <vector>

#include "config/schema.h"

namespace mneme {

/// One key whose values differ between two configs, as text; "(absent)" where a list is shorter.
struct Change {
  std::string key;
  std::string before;
  std::string after;
  bool alters_result = true;  ///< false for fields that are free_to_change()
};

enum class Comments { none, descriptions };

/// Block YAML of a tree of the group `info`, two spaces a level; lists of plain values on one line.
/// With descriptions, each line of a value ends in `# unit: description`.
std::string yaml_text(const YamlNode& node, const SchemaInfo& info, Comments comments);

/// The leaves that differ. A list of plain values is one leaf.
std::vector<Change> changes(const YamlNode& before, const YamlNode& after, const SchemaInfo& info);

/// The value at a dotted key as text; Error(Fault::user) with the nearest name if there is none.
std::string value_at(const YamlNode& root, const std::string& dotted, const SchemaInfo& info);

/// The effective config: every key, in the order of description. parse_text reads it back to the
/// same bits.
template <Config C>
std::string to_yaml(const C& c, Comments comments = Comments::none) {
  return yaml_text(schema_of<C>().write(c), schema_of<C>().info(), comments);
}

/// What differs between two configs, by dotted key, for the refusal to resume.
template <Config C>
std::vector<Change> diff(const C& before, const C& after) {
  return changes(schema_of<C>().write(before), schema_of<C>().write(after), schema_of<C>().info());
}

/// The value at a dotted key ("model.memory.top_k", "data.train.0.weight") as text.
template <Config C>
std::string get(const C& c, const std::string& dotted) {
  return value_at(schema_of<C>().write(c), dotted, schema_of<C>().info());
}

/// Every dotted key of C; see dotted_keys.
template <Config C>
std::vector<std::string> keys() {
  return dotted_keys(schema_of<C>().info());
}

}  // namespace mneme
