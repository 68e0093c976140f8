#include "config/print.h"

#include <algorithm>

#include <fmt/format.h>

namespace mneme {
namespace {

bool is_block(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) return !node.entries.empty();
  return node.kind == YamlNode::Kind::list &&
         std::any_of(node.items.begin(), node.items.end(),
                     [](const YamlNode& i) { return is_block(i); });
}

std::string comment_of(const FieldInfo* field, Comments comments) {
  if (field == nullptr || comments == Comments::none) return "";
  return field->unit.empty() ? fmt::format("  # {}", field->description)
                             : fmt::format("  # {}: {}", field->unit, field->description);
}

/// Prints the entries of maps and the elements of lists, each on its lines.
class BlockWriter {
 public:
  BlockWriter(const SchemaInfo& info, Comments comments) : info_(info), comments_(comments) {}

  std::string text() && { return std::move(out_); }

  void map(const YamlNode& node, const std::string& key, const std::string& indent) {
    for (const YamlNode::Entry& e : node.entries) entry(e, join_key(key, e.key), indent);
  }

 private:
  void entry(const YamlNode::Entry& e, const std::string& key, const std::string& indent) {
    const FieldInfo* field = find_field(info_, key);
    const bool own_field = field != nullptr && field->name == e.key;
    const std::string comment = comment_of(own_field ? field : nullptr, comments_);
    out_ += indent + flow_text(YamlNode::words(e.key)) + ":";
    if (!is_block(e.value)) {
      out_ += " " + flow_text(e.value) + comment + "\n";
      return;
    }
    out_ += comment + "\n";
    if (e.value.kind == YamlNode::Kind::map) {
      map(e.value, key, indent + "  ");
    } else {
      list(e.value, key, indent + "  ");
    }
  }

  void list(const YamlNode& node, const std::string& key, const std::string& indent) {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode& item = node.items[i];
      if (item.kind != YamlNode::Kind::map || item.entries.empty()) {
        out_ += indent + "- " + flow_text(item) + "\n";
        continue;
      }
      const std::size_t start = out_.size();
      map(item, join_key(key, std::to_string(i)), indent + "  ");
      out_[start + indent.size()] = '-';
    }
  }

  const SchemaInfo& info_;
  Comments comments_;
  std::string out_;
};

class Comparison {
 public:
  explicit Comparison(const SchemaInfo& info) : info_(info) {}

  std::vector<Change> result() && { return std::move(changes_); }

  void compare(const YamlNode* before, const YamlNode* after, const std::string& key) {
    const YamlNode nothing = YamlNode::map();
    const bool is_map = kind_is(before, YamlNode::Kind::map) || kind_is(after, YamlNode::Kind::map);
    const bool is_list =
        (before != nullptr && before->kind == YamlNode::Kind::list && is_block(*before)) ||
        (after != nullptr && after->kind == YamlNode::Kind::list && is_block(*after));
    if (is_map && both_or_absent(before, after, YamlNode::Kind::map)) {
      maps(before == nullptr ? nothing : *before, after == nullptr ? nothing : *after, key);
    } else if (is_list && both_or_absent(before, after, YamlNode::Kind::list)) {
      lists(before == nullptr ? nothing : *before, after == nullptr ? nothing : *after, key);
    } else {
      leaf(before, after, key);
    }
  }

 private:
  static bool kind_is(const YamlNode* node, YamlNode::Kind kind) {
    return node != nullptr && node->kind == kind;
  }
  static bool both_or_absent(const YamlNode* a, const YamlNode* b, YamlNode::Kind kind) {
    return (a == nullptr || a->kind == kind) && (b == nullptr || b->kind == kind);
  }

  void maps(const YamlNode& before, const YamlNode& after, const std::string& key) {
    for (const YamlNode::Entry& e : before.entries) {
      compare(&e.value, after.find(e.key), join_key(key, e.key));
    }
    for (const YamlNode::Entry& e : after.entries) {
      if (before.find(e.key) == nullptr) compare(nullptr, &e.value, join_key(key, e.key));
    }
  }

  void lists(const YamlNode& before, const YamlNode& after, const std::string& key) {
    for (std::size_t i = 0; i < std::max(before.items.size(), after.items.size()); ++i) {
      compare(i < before.items.size() ? &before.items[i] : nullptr,
              i < after.items.size() ? &after.items[i] : nullptr, join_key(key, std::to_string(i)));
    }
  }

  void leaf(const YamlNode* before, const YamlNode* after, const std::string& key) {
    const std::string a = before == nullptr ? "(absent)" : flow_text(*before);
    const std::string b = after == nullptr ? "(absent)" : flow_text(*after);
    if (a != b) changes_.push_back({key, a, b, !is_free(key)});
  }

  /// Whether the field, or a group it stands in, may be changed freely.
  bool is_free(const std::string& key) const {
    for (std::size_t end = key.find('.'); end != std::string::npos; end = key.find('.', end + 1)) {
      const FieldInfo* group = find_field(info_, key.substr(0, end));
      if (group != nullptr && group->free_to_change) return true;
    }
    const FieldInfo* field = find_field(info_, key);
    return field != nullptr && field->free_to_change;
  }

  const SchemaInfo& info_;
  std::vector<Change> changes_;
};

}  // namespace

std::string yaml_text(const YamlNode& node, const SchemaInfo& info, Comments comments) {
  BlockWriter writer(info, comments);
  writer.map(node, "", "");
  return std::move(writer).text();
}

std::vector<Change> changes(const YamlNode& before, const YamlNode& after, const SchemaInfo& info) {
  Comparison comparison(info);
  comparison.compare(&before, &after, "");
  return std::move(comparison).result();
}

std::string value_at(const YamlNode& root, const std::string& dotted, const SchemaInfo& info) {
  const YamlNode* node = find_dotted(root, dotted);
  if (node == nullptr || dotted.empty()) {
    const std::size_t dot = dotted.rfind('.');
    const FieldInfo* parent =
        dot == std::string::npos ? nullptr : find_field(info, dotted.substr(0, dot));
    const bool known_group = parent != nullptr && parent->group != nullptr;
    const std::vector<std::string> siblings = known_group ? parent->group->names() : info.names();
    fail(Fault::user, "unknown key {}{}", dotted, key_hint(dotted, siblings, dotted_keys(info)));
  }
  return plain_text(*node);
}

}  // namespace mneme
