#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "config/yaml_load.h"

namespace mneme {

/// The config C of a tree that was put together from files and settings (yaml_load.h), as parse
/// reads a file's; what `problems` already holds is told with what is found here.
template <Config C>
C parse_tree(YamlNode root, const std::vector<std::string>& overrides, Problems problems) {
  const SchemaInfo& info = schema_of<C>().info();
  ReadContext cx{std::move(problems), dotted_keys(info)};
  apply_overrides(root, overrides, info.defaults, cx.problems);
  C c;
  schema_of<C>().read(root, "", cx, c);
  cx.problems.throw_if_any();
  return c;
}

/// The config C of a YAML file: defaults, then the files it builds on (`base: other.yaml`, unless C
/// has a field named base itself), then the file, then the overrides "a.b=c" in their order.
/// Throws Error(Fault::user) whose what() lists every mistake, one per line with its file and line.
template <Config C>
C parse(const std::filesystem::path& file, const std::vector<std::string>& overrides = {}) {
  Problems problems;
  const bool follow_base = schema_of<C>().info().find("base") == nullptr;
  YamlNode root = load_yaml_file(file, follow_base, problems);
  return parse_tree<C>(std::move(root), overrides, std::move(problems));
}

/// As parse, from text that `source` names in errors ("the effective config of runs/a"); no
/// `base:`. Empty text gives the defaults.
template <Config C>
C parse_text(std::string_view text,
             const std::string& source,
             const std::vector<std::string>& overrides = {}) {
  Problems problems;
  YamlNode root = load_yaml(text, {source, 1}, problems);
  return parse_tree<C>(std::move(root), overrides, std::move(problems));
}

}  // namespace mneme
