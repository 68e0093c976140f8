#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

#include "base/check.h"
#include "config/yaml_load.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

/// Why `file` cannot be read, or "".
std::string obstacle(const fs::path& file) {
  std::error_code error;
  if (fs::is_directory(file, error)) return "is a folder, not a config file";
  if (!fs::exists(file, error)) return "there is no such file";
  if (!std::ifstream(file)) return "the file cannot be opened for reading";
  return "";
}

std::string slurp(const fs::path& file) {
  const std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// Takes the entry `base` out of `root`; its value, or null.
YamlNode take_base(YamlNode& root) {
  const auto at = std::find_if(root.entries.begin(), root.entries.end(),
                               [](const YamlNode::Entry& e) { return e.key == "base"; });
  if (at == root.entries.end()) return {};
  YamlNode base = std::move(at->value);
  if (base.kind == YamlNode::Kind::null) {
    base.kind = YamlNode::Kind::scalar;  // `base:` alone is an empty name, not an absent one
    base.quoted = true;
  }
  root.entries.erase(at);
  return base;
}

std::string chain_text(const std::vector<fs::path>& chain, const fs::path& again) {
  std::string text;
  for (const fs::path& p : chain) text += p.filename().string() + " -> ";
  return text + again.filename().string();
}

/// `chain` holds the canonical paths of the files that led here.
YamlNode load_layer(const fs::path& file,
                    bool follow_base,
                    std::vector<fs::path>& chain,
                    Problems& problems) {
  YamlNode root = load_yaml(slurp(file), {file.string(), 1}, problems);
  if (root.kind != YamlNode::Kind::map && root.kind != YamlNode::Kind::null) {
    problems.add(root.place,
                 "a config consists of lines `key: value`, this is a list or a single value");
    problems.throw_if_any();
  }
  root.place = {file.string(), 1};
  const YamlNode base = follow_base ? take_base(root) : YamlNode();
  if (base.kind == YamlNode::Kind::null) return root;

  const fs::path below = (file.parent_path() / base.text).lexically_normal();
  const bool is_name = base.kind == YamlNode::Kind::scalar && !base.text.empty();
  std::string why = is_name ? obstacle(below) : "must be the path of a file, relative to this one";
  chain.push_back(fs::weakly_canonical(file));
  const fs::path canonical = is_name && why.empty() ? fs::weakly_canonical(below) : fs::path();
  const bool is_cycle = std::find(chain.begin(), chain.end(), canonical) != chain.end();
  if (is_cycle) why = "the files build on each other: " + chain_text(chain, canonical);
  if (!why.empty()) {
    const bool seen_elsewhere = is_name && !is_cycle && below.string() != base.text;
    problems.refuse(base.place, "base", flow_text(base),
                    seen_elsewhere ? fmt::format("{} ({})", why, below.string()) : why);
    problems.throw_if_any();
  }
  return merged(load_layer(below, true, chain, problems), root);
}

}  // namespace

YamlNode load_yaml_file(const fs::path& file, bool follow_base, Problems& problems) {
  const std::string why = obstacle(file);
  require(why.empty(), Fault::user, "{}: {}", file.string(), why);
  std::vector<fs::path> chain;
  return load_layer(file, follow_base, chain, problems);
}

}  // namespace mneme
