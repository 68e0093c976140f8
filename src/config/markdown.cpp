#include "config/markdown.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mneme {
namespace {

/// Text that a cell of a table can hold.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c == '|' ? std::string("\\|") : std::string(1, c == '\n' ? ' ' : c);
  }
  return out;
}

/// A group's place in the page: its dotted key and the defaults that hold there.
struct Section {
  std::string key;
  const SchemaInfo* info;
  const YamlNode* defaults;
};

std::string inner_key(const std::string& key, const FieldInfo& field) {
  const std::string full = join_key(key, field.name);
  if (field.holds == FieldInfo::Holds::groups_in_list) return full + ".N";
  return field.holds == FieldInfo::Holds::groups_by_name ? full + ".NAME" : full;
}

std::string default_text(const FieldInfo& field, const YamlNode* value) {
  if (field.required) return "**required**";
  if (value == nullptr || field.holds == FieldInfo::Holds::group) {
    return value != nullptr && value->kind == YamlNode::Kind::null ? "`null`" : "";
  }
  return fmt::format("`{}`", flow_text(*value));
}

std::string row(const FieldInfo& field, const std::string& key, const YamlNode* value) {
  std::string allowed = fmt::format("{}", fmt::join(field.allowed, ", "));
  if (field.free_to_change) {
    allowed += allowed.empty() ? "may change on resume" : "; may change on resume";
  }
  const std::string link =
      field.group == nullptr ? "" : fmt::format(" (below: `{}`)", inner_key(key, field));
  return fmt::format("| `{}` | {} | {} | {} | {} | {}{} |\n", field.name, cell(field.type),
                     cell(default_text(field, value)), cell(field.unit), cell(allowed),
                     cell(field.description), link);
}

void append_section(const Section& s, std::string& out) {
  out += s.key.empty() ? "\n## Top level\n\n" : fmt::format("\n## `{}`\n\n", s.key);
  out += "| key | type | default | unit | allowed | description |\n|---|---|---|---|---|---|\n";
  for (const FieldInfo& f : s.info->fields) out += row(f, s.key, s.defaults->find(f.name));
  if (!s.info->rules.empty()) out += "\nTogether:\n\n";
  for (const std::string& rule : s.info->rules) out += fmt::format("* {}\n", rule_for_docs(rule));
  for (const FieldInfo& f : s.info->fields) {
    if (f.group == nullptr) continue;
    const YamlNode* here = f.holds == FieldInfo::Holds::group ? s.defaults->find(f.name) : nullptr;
    const bool has_defaults = here != nullptr && here->kind == YamlNode::Kind::map;
    append_section({inner_key(s.key, f), f.group, has_defaults ? here : &f.group->defaults}, out);
  }
}

}  // namespace

std::string markdown_text(const SchemaInfo& info, const std::string& title) {
  std::string out = fmt::format("# {}\n\n", title);
  out +=
      "This page is generated from the descriptions in the code.\n\n## How values are written\n\n";
  out += number_forms_text();
  append_section({"", &info, &info.defaults}, out);
  return out;
}

}  // namespace mneme
