#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"
#include "config/yaml_node.h"

namespace mneme {

/// The tree of one YAML document. `place.source` names it in errors; `place.line` is 1 for a file
/// and 0 for an override, whose values then all carry the override's text as their place. Duplicate
/// keys, tags, merge keys (`<<`) and further documents are added to `problems`; text that is not
/// YAML throws at once, with them. Anchors and aliases are read.
YamlNode load_yaml(std::string_view text, const Place& place, Problems& problems);

/// A config file as a tree. With `follow_base`, the key `base: FILE` at the top (relative to the
/// file it stands in) names a file to build on: this file's keys on top of that file's, see
/// merged(). Chains are followed; a cycle is refused. A file that is missing, a folder, or not YAML
/// throws Error(Fault::user).
YamlNode load_yaml_file(const std::filesystem::path& file, bool follow_base, Problems& problems);

/// Puts overrides "a.b=c" on top of `root`; c is YAML. `data.train.0.weight=2` reaches into a list
/// that the file or, where it says nothing, `defaults` has.
void apply_overrides(YamlNode& root,
                     const std::vector<std::string>& overrides,
                     const YamlNode& defaults,
                     Problems& problems);

/// A value for a dotted key of a config that is written elsewhere: in a study's file.
struct Setting {
  std::string key;
  YamlNode value;
  Place place;  ///< of the key
};

/// Puts settings on top of `root`, one after the other, as apply_overrides does; each keeps its
/// place.
void apply_settings(YamlNode& root,
                    std::span<const Setting> settings,
                    const YamlNode& defaults,
                    Problems& problems);

/// "a.b" of "a.b=c".
std::string key_of_override(std::string_view text);

}  // namespace mneme
