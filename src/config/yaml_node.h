#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mneme {

/// Where a value of a config was written: a file and a line (from 1), or, with line 0, an
/// override such as "--set a.b=c".
struct Place {
  std::string source;
  int line = 0;

  /// "configs/run.yaml:31" or "--set a.b=c".
  std::string text() const;
  bool is_override() const { return line == 0; }
};

/// One value of a config file, as written: the text of a scalar, the elements of a list, or the
/// entries of a map in the order of the file. The engine's own tree, so that yaml-cpp's headers
/// stay in one file, and so that each value knows the file and line it came from.
struct YamlNode {
  enum class Kind { null, scalar, list, map };
  struct Entry;

  Kind kind = Kind::null;
  std::string text;             ///< of a scalar, without its quotes
  bool quoted = false;          ///< the scalar was written in quotes or as a block: it is text
  std::vector<YamlNode> items;  ///< of a list
  std::vector<Entry> entries;   ///< of a map
  Place place;

  static YamlNode null();
  static YamlNode plain(std::string text);
  /// Text, in quotes unless it is safe without.
  static YamlNode words(std::string text);
  static YamlNode list();
  static YamlNode map();

  /// The entry `key` of a map, or nullptr.
  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
  void add(std::string key, YamlNode value);
};

struct YamlNode::Entry {
  std::string key;
  YamlNode value;
  Place place;  ///< of the key
};

/// "" + "a" = "a", "a" + "b" = "a.b".
std::string join_key(std::string_view group, std::string_view name);

/// The node at a dotted key, list elements by their number ("data.train.0.weight"), or nullptr.
/// A key that holds dots itself is found too.
const YamlNode* find_dotted(const YamlNode& root, std::string_view dotted);

/// On one line, in YAML: `3e-4`, `"a b"`, `[1, 2]`, `{a: 1}`; null is `null`.
std::string flow_text(const YamlNode& node);

/// A scalar's text without quotes; anything else as in flow_text.
std::string plain_text(const YamlNode& node);

/// The tree `over` on top of `under`: maps merge entry by entry, everything else replaces. Every
/// value keeps its place. Null on top of a map leaves the map (a group whose keys are all
/// commented out).
YamlNode merged(const YamlNode& under, const YamlNode& over);

}  // namespace mneme
