#include "config/schema_info.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mneme {
namespace {

void append_keys(const SchemaInfo& info,
                 const std::string& prefix,
                 std::vector<std::string>& keys) {
  for (const FieldInfo& f : info.fields) {
    const std::string key = join_key(prefix, f.name);
    keys.push_back(key);
    if (f.holds == FieldInfo::Holds::group) append_keys(*f.group, key, keys);
    if (f.holds == FieldInfo::Holds::groups_in_list) append_keys(*f.group, key + ".0", keys);
    if (f.holds == FieldInfo::Holds::groups_by_name) append_keys(*f.group, key + ".NAME", keys);
  }
}

struct Piece {
  std::string text;
  bool is_field = false;
};

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

/// Cuts a rule into fields and the text between them.
std::vector<Piece> pieces_of(const std::string& rule, const YamlNode* values) {
  const bool has_braces = rule.find('{') != std::string::npos;
  std::vector<Piece> pieces;
  std::string text;
  const auto add_field = [&](const std::string& name) {
    if (!text.empty()) pieces.push_back({text, false});
    text.clear();
    pieces.push_back({name, true});
  };
  for (std::size_t i = 0; i < rule.size();) {
    std::size_t end = i + 1;
    if (has_braces && rule[i] == '{') {
      end = std::min(rule.find('}', i), rule.size() - 1) + 1;
      add_field(rule.substr(i + 1, end - i - 2));
    } else if (!has_braces && is_name_char(rule[i])) {
      while (end < rule.size() && is_name_char(rule[end])) ++end;
      while (rule[end - 1] == '.' && end - 1 > i) --end;  // a full stop is no part of a name
      const std::string word = rule.substr(i, end - i);
      if (values != nullptr && find_dotted(*values, word) != nullptr) {
        add_field(word);
      } else {
        text += word;
      }
    } else {
      text += rule[i];
    }
    i = end;
  }
  if (!text.empty()) pieces.push_back({text, false});
  return pieces;
}

std::string with_value(const std::string& field, const std::string& group, const YamlNode& values) {
  const YamlNode* value = find_dotted(values, field);
  return fmt::format("{} = {}", join_key(group, field), value == nullptr ? "?" : flow_text(*value));
}

}  // namespace

const FieldInfo* SchemaInfo::find(std::string_view name) const {
  const auto at = std::find_if(fields.begin(), fields.end(),
                               [&](const FieldInfo& f) { return f.name == name; });
  return at == fields.end() ? nullptr : &*at;
}

std::vector<std::string> SchemaInfo::names() const {
  std::vector<std::string> all;
  for (const FieldInfo& f : fields) all.push_back(f.name);
  return all;
}

std::vector<std::string> dotted_keys(const SchemaInfo& info) {
  std::vector<std::string> keys;
  append_keys(info, "", keys);
  return keys;
}

const FieldInfo* find_field(const SchemaInfo& info, std::string_view dotted) {
  const std::size_t dot = std::min(dotted.find('.'), dotted.size());
  const FieldInfo* field = info.find(dotted.substr(0, dot));
  if (field == nullptr || dot == dotted.size()) return field;
  std::string_view rest = dotted.substr(dot + 1);
  if (field->group == nullptr) return field->holds == FieldInfo::Holds::value ? field : nullptr;
  if (field->holds != FieldInfo::Holds::group) {
    const std::size_t next = rest.find('.');
    if (next == std::string_view::npos) return field;
    rest = rest.substr(next + 1);
  }
  return find_field(*field->group, rest);
}

RuleText rule_text(const std::string& rule, const std::string& group, const YamlNode& values) {
  const std::vector<Piece> pieces = pieces_of(rule, &values);
  RuleText out;
  for (const Piece& p : pieces) {
    const bool is_new =
        std::find(out.mentions.begin(), out.mentions.end(), p.text) == out.mentions.end();
    if (p.is_field && is_new) out.mentions.push_back(p.text);
  }
  if (!out.mentions.empty()) out.key = out.mentions.front();

  const bool completes =
      pieces.size() > 1 && pieces[0].is_field && pieces[1].text.starts_with(" must ");
  if (completes) {
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      out.why += pieces[i].is_field ? with_value(pieces[i].text, group, values) : pieces[i].text;
    }
    out.why.erase(0, 1);
    return out;
  }
  out.why = "wanted ";
  for (const Piece& p : pieces) out.why += p.text;
  std::vector<std::string> others;
  for (const std::string& field : out.mentions) {
    if (field != out.key) others.push_back(with_value(field, group, values));
  }
  if (!others.empty()) out.why += fmt::format(", found {}", fmt::join(others, ", "));
  return out;
}

std::string rule_for_docs(const std::string& rule) {
  std::string out;
  for (const Piece& p : pieces_of(rule, nullptr)) out += p.is_field ? "`" + p.text + "`" : p.text;
  return out;
}

}  // namespace mneme
