#include "config/yaml_node.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "config/number.h"

namespace mneme {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Whether YAML readers of every version, and ours, take the bare text for these very characters.
bool is_safe_bare(std::string_view text) {
  if (text.empty() ||
      text.find_first_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
          std::string_view::npos) {
    return false;
  }
  if (!is_letter_or_digit(text.front()) &&
      std::string_view("_/.").find(text.front()) == std::string_view::npos) {
    return false;
  }
  const bool harmless = std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("_./+-@=").find(c) != std::string_view::npos;
  });
  return harmless && !is_never_text(text);
}

const YamlNode* element(const YamlNode& list, std::string_view name, std::string_view rest) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc() || end != name.data() + name.size() || index >= list.items.size()) {
    return nullptr;
  }
  return rest.empty() ? &list.items[index] : find_dotted(list.items[index], rest);
}

}  // namespace

std::string Place::text() const {
  return line > 0 ? fmt::format("{}:{}", source, line) : source;
}

YamlNode YamlNode::null() {
  return {};
}

YamlNode YamlNode::plain(std::string text) {
  YamlNode n;
  n.kind = Kind::scalar;
  n.text = std::move(text);
  return n;
}

YamlNode YamlNode::words(std::string text) {
  const bool quoted = !is_safe_bare(text);
  YamlNode n = plain(std::move(text));
  n.quoted = quoted;
  return n;
}

YamlNode YamlNode::list() {
  YamlNode n;
  n.kind = Kind::list;
  return n;
}

YamlNode YamlNode::map() {
  YamlNode n;
  n.kind = Kind::map;
  return n;
}

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto at =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return at == entries.end() ? nullptr : &at->value;
}

YamlNode* YamlNode::find(std::string_view key) {
  const auto at =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return at == entries.end() ? nullptr : &at->value;
}

void YamlNode::add(std::string key, YamlNode value) {
  Place key_place = value.place;
  entries.push_back({std::move(key), std::move(value), std::move(key_place)});
}

std::string join_key(std::string_view group, std::string_view name) {
  return group.empty() ? std::string(name) : fmt::format("{}.{}", group, name);
}

const YamlNode* find_dotted(const YamlNode& root, std::string_view dotted) {
  if (dotted.empty()) return &root;
  if (root.kind == YamlNode::Kind::list) {
    const std::size_t dot = dotted.find('.');
    const bool last = dot == std::string_view::npos;
    return element(root, dotted.substr(0, dot), last ? std::string_view() : dotted.substr(dot + 1));
  }
  for (const YamlNode::Entry& e : root.entries) {
    if (dotted == e.key) return &e.value;
    if (dotted.size() > e.key.size() && dotted.starts_with(e.key) && dotted[e.key.size()] == '.') {
      if (const YamlNode* found = find_dotted(e.value, dotted.substr(e.key.size() + 1))) {
        return found;
      }
    }
  }
  return nullptr;
}

std::string flow_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "null";
    case YamlNode::Kind::scalar:
      return node.quoted ? in_quotes(node.text) : node.text;
    case YamlNode::Kind::list: {
      std::string out;
      for (const YamlNode& item : node.items) out += (out.empty() ? "" : ", ") + flow_text(item);
      return "[" + out + "]";
    }
    case YamlNode::Kind::map:
      break;
  }
  std::string out;
  for (const YamlNode::Entry& e : node.entries) {
    out +=
        (out.empty() ? "" : ", ") + flow_text(YamlNode::words(e.key)) + ": " + flow_text(e.value);
  }
  return "{" + out + "}";
}

std::string plain_text(const YamlNode& node) {
  return node.kind == YamlNode::Kind::scalar ? node.text : flow_text(node);
}

YamlNode merged(const YamlNode& under, const YamlNode& over) {
  if (under.kind != YamlNode::Kind::map) return over;
  if (over.kind == YamlNode::Kind::null) return under;
  if (over.kind != YamlNode::Kind::map) return over;
  YamlNode out = under;
  out.place = over.place;
  for (const YamlNode::Entry& e : over.entries) {
    const auto at = std::find_if(out.entries.begin(), out.entries.end(),
                                 [&](const YamlNode::Entry& o) { return o.key == e.key; });
    if (at == out.entries.end()) {
      out.entries.push_back(e);
    } else {
      at->value = merged(at->value, e.value);
      at->place = e.place;
    }
  }
  return out;
}

}  // namespace mneme
