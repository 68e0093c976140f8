#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "config/field_count.h"
#include "config/rule.h"
#include "config/schema_info.h"
#include "config/value.h"

namespace mneme {

template <class C>
class Schema;

/// A struct of options: an aggregate whose initialisers are the defaults, described once by
/// `static void describe(Schema<C>&)`. Reading, rules, printing and documents follow from that.
template <class C>
concept Config = std::is_aggregate_v<C> && std::default_initializable<C> && requires(Schema<C>& s) {
  { C::describe(s) } -> std::same_as<void>;
};

/// The description of the config struct C, filled by C::describe.
///
/// Fields may be bool, integers of 4 or 8 bytes, double, std::string, Duration, enums with
/// EnumNames, other config structs, std::optional (null in YAML), std::vector and Named<> of these,
/// and Verbatim.
template <class C>
class Schema {
 public:
  /// Describes the field `member` under its YAML name. `unit` is "" for a pure number. Rules of
  /// config/rule.h follow; a rule that cannot apply to the field's type is Fault::bug.
  template <class T, std::same_as<Rule>... Rules>
  Schema& field(const std::string& name,
                T C::*member,
                const std::string& unit,
                const std::string& description,
                Rules... rules) {
    Field f;
    f.info.name = name;
    f.info.unit = unit;
    f.info.description = description;
    f.info.type = Codec<T>::type_name(false);
    f.info.group = Codec<T>::group();
    f.info.holds = Codec<T>::holds;
    (f.rules.push_back(std::move(rules)), ...);
    for (const Rule& r : f.rules) note_rule<T>(r, f.info);
    f.read = [member](const YamlNode& node, const std::string& key, ReadContext& cx, C& c) {
      return Codec<T>::read(node, key, cx, c.*member);
    };
    f.write = [member](const C& c) { return Codec<T>::write(c.*member); };
    f.check = [member](const Rule& rule, const C& c, const Checked& where) {
      Codec<T>::check(rule, c.*member, where);
    };
    require(info_.find(f.info.name) == nullptr, Fault::bug,
            "the config field {} is described twice", f.info.name);
    info_.fields.push_back(f.info);
    fields_.push_back(std::move(f));
    return *this;
  }

  /// A rule across fields; see rule_text() for how `rule` names them. The first field named is
  /// blamed, at its place, or at that of an override of another one. `hint`, a text or a function
  /// of the struct that gives one, follows on a line of its own. Only checked when all fields of
  /// the struct could be read.
  Schema& together(std::string rule, std::function<bool(const C&)> holds, std::string hint = "") {
    return together(std::move(rule), std::move(holds), [hint](const C& /*c*/) { return hint; });
  }
  template <std::invocable<const C&> Hint>
  Schema& together(std::string rule, std::function<bool(const C&)> holds, Hint hint) {
    info_.rules.push_back(rule);
    together_.push_back({std::move(rule), std::move(holds), std::move(hint)});
    return *this;
  }

  const SchemaInfo& info() const { return info_; }

  /// Reads the group written at `node` over what `c` holds. False: problems were added.
  bool read(const YamlNode& node, const std::string& key, ReadContext& cx, C& c) const;

  /// Every field of `c`, as a map.
  YamlNode write(const C& c) const {
    YamlNode node = YamlNode::map();
    for (const Field& f : fields_) node.add(f.info.name, f.write(c));
    return node;
  }

  /// The complete description of C. Fault::bug if a field of the struct is not described.
  static Schema described() {
    Schema s;
    C::describe(s);
    require(s.fields_.size() == detail::field_count<C>(), Fault::bug,
            "a config struct has {} fields, but {} are described (the first is {}): describe each "
            "of them",
            detail::field_count<C>(), s.fields_.size(),
            s.fields_.empty() ? "none" : s.fields_.front().info.name);
    s.info_.defaults = s.write(C{});
    return s;
  }

 private:
  struct Field {
    FieldInfo info;
    std::vector<Rule> rules;
    std::function<bool(const YamlNode&, const std::string&, ReadContext&, C&)> read;
    std::function<YamlNode(const C&)> write;
    std::function<void(const Rule&, const C&, const Checked&)> check;
  };
  struct Together {
    std::string rule;
    std::function<bool(const C&)> holds;
    std::function<std::string(const C&)> hint;
  };

  template <class T>
  static void note_rule(const Rule& rule, FieldInfo& info) {
    const bool fits =
        (rule.number && Codec<T>::takes_number) || (rule.text && Codec<T>::takes_text) ||
        (rule.length && Codec<T>::takes_length) || rule.required || rule.free_to_change;
    require(fits, Fault::bug, "the rule '{}' cannot apply to the config field {}", rule.allowed,
            info.name);
    if (!rule.allowed.empty()) info.allowed.push_back(rule.allowed);
    info.required = info.required || rule.required;
    info.free_to_change = info.free_to_change || rule.free_to_change;
  }

  void read_field(
      const Field& f, const YamlNode& group, const std::string& key, ReadContext& cx, C& c) const;
  void check_together(const Together& t,
                      const YamlNode& node,
                      const std::string& key,
                      Problems& problems,
                      const C& c) const;

  SchemaInfo info_;
  std::vector<Field> fields_;
  std::vector<Together> together_;
};

/// The one description of C, made on first use.
template <Config C>
const Schema<C>& schema_of() {
  static const Schema<C> schema = Schema<C>::described();
  return schema;
}

template <Config C>
struct Codec<C> : PlainCodec {
  static constexpr FieldInfo::Holds holds = FieldInfo::Holds::group;
  static bool read(const YamlNode& node, const std::string& key, ReadContext& cx, C& out) {
    return schema_of<C>().read(node, key, cx, out);
  }
  static YamlNode write(const C& c) { return schema_of<C>().write(c); }
  static std::string type_name(bool many) { return many ? "groups" : "group"; }
  static const SchemaInfo* group() { return &schema_of<C>().info(); }
};

template <class C>
bool Schema<C>::read(const YamlNode& node, const std::string& key, ReadContext& cx, C& c) const {
  const std::size_t before = cx.problems.count();
  if (!is_map(node, key, fmt::format("must be a group of keys: {}", fmt::join(info_.names(), ", ")),
              cx.problems)) {
    return false;
  }
  for (const YamlNode::Entry& e : node.entries) {
    if (info_.find(e.key) != nullptr) continue;
    const std::string full = join_key(key, e.key);
    cx.problems.add(
        e.place, fmt::format("unknown key {}{}", full, key_hint(full, info_.names(), cx.all_keys)));
  }
  for (const Field& f : fields_) read_field(f, node, key, cx, c);
  if (cx.problems.count() > before) return false;
  for (const Together& t : together_) check_together(t, node, key, cx.problems, c);
  return cx.problems.count() == before;
}

template <class C>
void Schema<C>::read_field(
    const Field& f, const YamlNode& group, const std::string& key, ReadContext& cx, C& c) const {
  const std::string full = join_key(key, f.info.name);
  const YamlNode* written = group.find(f.info.name);
  const bool is_group = f.info.holds == FieldInfo::Holds::group;
  if (written == nullptr && f.info.required) {
    cx.problems.add(group.place,
                    fmt::format("{} is missing and has no default: {}", full, f.info.description));
    return;
  }
  if (written != nullptr) {
    if (!f.read(*written, full, cx, c)) return;
  } else if (is_group && f.write(c).kind == YamlNode::Kind::map) {
    YamlNode nothing = YamlNode::map();  // the rules inside hold for its defaults too
    nothing.place = group.place;
    if (!f.read(nothing, full, cx, c)) return;
  }
  const Checked where{full, written, written == nullptr ? group.place : written->place,
                      cx.problems};
  for (const Rule& r : f.rules) f.check(r, c, where);
}

template <class C>
void Schema<C>::check_together(const Together& t,
                               const YamlNode& node,
                               const std::string& key,
                               Problems& problems,
                               const C& c) const {
  if (t.holds(c)) return;
  const YamlNode values = write(c);
  const RuleText text = rule_text(t.rule, key, values);
  Place place = node.place;
  bool is_overridden = false;  // then that is the place: the file was right before
  for (auto field = text.mentions.rbegin(); field != text.mentions.rend(); ++field) {
    const YamlNode* written = find_dotted(node, *field);
    if (written == nullptr || (is_overridden && !written->place.is_override())) continue;
    place = written->place;
    is_overridden = place.is_override();
  }
  const std::string hint = t.hint(c);
  const std::string why = hint.empty() ? text.why : text.why + "\n  hint: " + hint;
  const YamlNode* value = text.key.empty() ? nullptr : find_dotted(values, text.key);
  if (value != nullptr) {
    problems.refuse(place, join_key(key, text.key), flow_text(*value), why);
  } else {
    problems.add(place,
                 fmt::format("{} is not allowed: {}", key.empty() ? "the config" : key, why));
  }
}

}  // namespace mneme
