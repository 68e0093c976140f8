#include "config/yaml_load.h"

#include <map>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace mneme {
namespace {

/// Builds our tree from yaml-cpp's events, which, unlike its nodes, know every key's line and
/// whether a scalar was quoted.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Place& place, Problems& problems) : whole_(place), problems_(problems) {
    root_.place = place;
  }

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    // The mark of a missing value is that of the next token; the key's line is what the user looks
    // for.
    const bool is_value = !open_.empty() && open_.back().has_key;
    node.place = is_value ? open_.back().key_place : place_of(mark);
    attach(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t anchor) override {
    attach(anchors_[anchor], 0);
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = YamlNode::plain(value);
    node.place = place_of(mark);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!node.quoted) check_tag(tag, node.place);
    attach(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::list(), mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::map(), mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::string key;
    Place key_place;
    bool has_key = false;
    bool is_word = true;  // the key is a scalar
  };

  Place place_of(const YAML::Mark& mark) const {
    return {whole_.source, whole_.line == 0 ? 0 : mark.line + 1};
  }

  void check_tag(const std::string& tag, const Place& place) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    problems_.add(place,
                  fmt::format("the YAML tag {} is not read here: write the plain value", tag));
  }

  void open(YamlNode node, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    node.place = place_of(mark);
    check_tag(tag, node.place);
    Open frame;
    frame.node = std::move(node);
    frame.anchor = anchor;
    open_.push_back(std::move(frame));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    attach(std::move(done.node), done.anchor);
  }

  void attach(YamlNode value, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = value;
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::list) {
      parent.node.items.push_back(std::move(value));
    } else if (!parent.has_key) {
      parent.is_word = value.kind == YamlNode::Kind::scalar;
      if (!parent.is_word) problems_.add(value.place, "a key must be a plain word");
      parent.key = value.text;
      parent.key_place = value.place;
      parent.has_key = true;
    } else {
      parent.has_key = false;
      add_entry(parent, std::move(value));
    }
  }

  void add_entry(Open& parent, YamlNode value) {
    if (!parent.is_word) return;
    if (parent.key == "<<") {
      problems_.add(parent.key_place,
                    "the YAML merge key << is not read here: build on another file with base:");
      return;
    }
    parent.node.entries.push_back({parent.key, std::move(value), parent.key_place});
  }

  Place whole_;
  Problems& problems_;
  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
};

/// Reports keys given twice and keeps the first of each.
void drop_duplicates(YamlNode& node, const std::string& key, Problems& problems) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    drop_duplicates(node.items[i], join_key(key, std::to_string(i)), problems);
  }
  std::map<std::string, int> first_line;
  std::vector<YamlNode::Entry> kept;
  for (YamlNode::Entry& e : node.entries) {
    const std::string full = join_key(key, e.key);
    const auto [at, is_new] = first_line.emplace(e.key, e.place.line);
    if (!is_new) {
      const std::string where = at->second > 0 ? fmt::format(", first in line {}", at->second) : "";
      problems.add(e.place, fmt::format("{} is given twice{}", full, where));
      continue;
    }
    drop_duplicates(e.value, full, problems);
    kept.push_back(std::move(e));
  }
  node.entries = std::move(kept);
}

void set_place(YamlNode& node, const Place& place) {
  node.place = place;
  for (YamlNode& item : node.items) set_place(item, place);
  for (YamlNode::Entry& e : node.entries) {
    e.place = place;
    set_place(e.value, place);
  }
}

}  // namespace

YamlNode load_yaml(std::string_view text, const Place& place, Problems& problems) {
  TreeBuilder builder(place, problems);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TreeBuilder ignored(place, problems);
    if (parser.HandleNextDocument(ignored)) {
      problems.add(place, "holds several YAML documents (---), of which only one is read");
    }
  } catch (const YAML::Exception& e) {
    const int line = place.line == 0 ? 0 : e.mark.line + 1;
    problems.add({place.source, line}, fmt::format("this is not valid YAML: {}", e.msg));
    problems.throw_if_any();
  }
  YamlNode root = builder.take();
  drop_duplicates(root, "", problems);
  return root;
}

namespace {

/// The next step of an override's way down: the child of `node` named `part`, made if it is
/// missing. Adds a problem and returns nullptr where there is no way.
YamlNode* descend(YamlNode& node,
                  const std::string& done,
                  const std::string& part,
                  const Place& place,
                  Problems& problems) {
  if (node.kind == YamlNode::Kind::list) {
    const bool is_number =
        part.find_first_not_of("0123456789") == std::string::npos && part.size() < 10;
    if (is_number && std::stoul(part) < node.items.size()) return &node.items[std::stoul(part)];
    problems.add(place, fmt::format("{} has no element {}: it is a list of {}, counted from 0",
                                    done, part, node.items.size()));
    return nullptr;
  }
  if (node.kind == YamlNode::Kind::scalar) {
    problems.add(place, fmt::format("{} = {} is a single value, it has no key {}", done,
                                    flow_text(node), part));
    return nullptr;
  }
  if (node.kind == YamlNode::Kind::null) {
    node = YamlNode::map();
    node.place = place;
  }
  if (YamlNode* child = node.find(part)) return child;
  YamlNode fresh;
  fresh.place = place;
  node.add(part, std::move(fresh));
  return &node.entries.back().value;
}

void apply_setting(YamlNode& root,
                   const Setting& setting,
                   const YamlNode& defaults,
                   Problems& problems) {
  if (setting.key.empty()) {
    problems.add(setting.place, "an empty key names no option");
    return;
  }
  YamlNode* node = &root;
  std::string done;
  for (std::string_view rest = setting.key; !rest.empty();) {
    const std::string part(rest.substr(0, rest.find('.')));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.empty()) {
      problems.add(setting.place,
                   fmt::format("{} is not a key: it has an empty part", setting.key));
      return;
    }
    node = descend(*node, done, part, setting.place, problems);
    if (node == nullptr) return;
    done = join_key(done, part);
    const YamlNode* by_default = find_dotted(defaults, done);
    if (!rest.empty() && node->kind == YamlNode::Kind::null && by_default != nullptr &&
        by_default->kind == YamlNode::Kind::list) {
      *node = *by_default;
      set_place(*node, setting.place);
    }
  }
  const bool is_null = setting.value.kind == YamlNode::Kind::null;
  *node = is_null ? setting.value : merged(*node, setting.value);
}

void apply_override(YamlNode& root,
                    const std::string& text,
                    const YamlNode& defaults,
                    Problems& problems) {
  Setting setting{key_of_override(text), {}, {"--set " + text, 0}};
  if (setting.key.empty() || setting.key.size() == text.size()) {
    problems.add(setting.place, "must have the form key=value, such as --set optimizer.lr=3e-4");
    return;
  }
  const std::string_view value = std::string_view(text).substr(setting.key.size() + 1);
  setting.value = load_yaml(value, setting.place, problems);
  set_place(setting.value, setting.place);
  apply_setting(root, setting, defaults, problems);
}

}  // namespace

std::string key_of_override(std::string_view text) {
  return std::string(text.substr(0, text.find('=')));
}

void apply_overrides(YamlNode& root,
                     const std::vector<std::string>& overrides,
                     const YamlNode& defaults,
                     Problems& problems) {
  for (const std::string& text : overrides) apply_override(root, text, defaults, problems);
}

void apply_settings(YamlNode& root,
                    std::span<const Setting> settings,
                    const YamlNode& defaults,
                    Problems& problems) {
  for (const Setting& s : settings) apply_setting(root, s, defaults, problems);
}

}  // namespace mneme
