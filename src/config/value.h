#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/enum_names.h"
#include "config/number.h"
#include "config/problems.h"
#include "config/rule.h"
#include "config/schema_info.h"
#include "config/yaml_node.h"

namespace mneme {

/// A map with free keys, in the order of the file: named validation sets, the axes of a grid.
template <class T>
using Named = std::vector<std::pair<std::string, T>>;

/// Any YAML value, kept as one line of YAML text: for a sweep's values, which another config reads.
struct Verbatim {
  std::string yaml = "null";
  friend bool operator==(const Verbatim&, const Verbatim&) = default;
};

/// What reading needs to know and to fill beside the value itself.
struct ReadContext {
  Problems problems;
  std::vector<std::string> all_keys;  ///< of the whole config, for "did you mean"
};

/// One value under its rules: its dotted key, and the place and node it was written at, where it
/// was.
struct Checked {
  std::string key;
  const YamlNode* written;  ///< nullptr: the default
  Place place;
  Problems& problems;

  Checked element(std::size_t index) const;
  void refuse(const YamlNode& value, const std::string& why) const;
};

/// How a type T of field is read from and written to YAML:
///   static bool read(const YamlNode&, const std::string& key, ReadContext&, T& out);  false: a
///   problem was added static YamlNode write(const T&); static std::string type_name(bool many);
///   "integer" or "integers" static const SchemaInfo* group();              of the struct(s)
///   inside, or nullptr static void check(const Rule&, const T&, const Checked&); static constexpr
///   bool takes_number, takes_text, takes_length;   which rules it can be put under
template <class T>
struct Codec;

// The readers of single scalars. Each adds one problem and returns nothing if the node does not
// fit.
std::optional<bool> read_bool(const YamlNode& node, const std::string& key, Problems& problems);
std::optional<WholeNumber> read_whole(const YamlNode& node,
                                      const std::string& key,
                                      Problems& problems);
std::optional<double> read_number(const YamlNode& node, const std::string& key, Problems& problems);
std::optional<Duration> read_span(const YamlNode& node, const std::string& key, Problems& problems);
std::optional<std::string> read_text(const YamlNode& node,
                                     const std::string& key,
                                     Problems& problems);
/// The scalar's text if it is one of the names in `choices`, "none | silu".
std::optional<std::string> read_choice(const YamlNode& node,
                                       const std::string& key,
                                       const std::string& choices,
                                       Problems& problems);
void refuse_range(const YamlNode& node,
                  const std::string& key,
                  const std::string& range,
                  Problems& problems);
/// Whether `node` is a list (or a map); if not, adds the problem.
bool is_list(const YamlNode& node,
             const std::string& key,
             const std::string& of,
             Problems& problems);
bool is_map(const YamlNode& node,
            const std::string& key,
            const std::string& wanted,
            Problems& problems);
Verbatim to_verbatim(const YamlNode& node);
YamlNode from_verbatim(const Verbatim& value);

struct NumberCodec {
  static constexpr FieldInfo::Holds holds = FieldInfo::Holds::value;
  static constexpr bool takes_number = true, takes_text = false, takes_length = false;
  static const SchemaInfo* group() { return nullptr; }
};

struct TextCodec {
  static constexpr FieldInfo::Holds holds = FieldInfo::Holds::value;
  static constexpr bool takes_number = false, takes_text = true, takes_length = false;
  static const SchemaInfo* group() { return nullptr; }
};

struct PlainCodec {
  static constexpr FieldInfo::Holds holds = FieldInfo::Holds::value;
  static constexpr bool takes_number = false, takes_text = false, takes_length = false;
  static const SchemaInfo* group() { return nullptr; }
  template <class T>
  static void check(const Rule& /*rule*/, const T& /*value*/, const Checked& /*where*/) {}
};

template <>
struct Codec<bool> : PlainCodec {
  static bool read(const YamlNode& node, const std::string& key, ReadContext& cx, bool& out) {
    const std::optional<bool> v = read_bool(node, key, cx.problems);
    if (v) out = *v;
    return v.has_value();
  }
  static YamlNode write(bool v) { return YamlNode::plain(v ? "true" : "false"); }
  static std::string type_name(bool many) { return many ? "truth values" : "true or false"; }
};

template <std::integral T>
requires(!std::same_as<T, bool> && sizeof(T) >= 4) struct Codec<T> : NumberCodec {
  static bool read(const YamlNode& node, const std::string& key, ReadContext& cx, T& out) {
    const std::optional<WholeNumber> whole = read_whole(node, key, cx.problems);
    if (!whole) return false;
    const std::optional<T> v = whole->as<T>();
    if (v) {
      out = *v;
    } else {
      refuse_range(node, key,
                   std::to_string(std::numeric_limits<T>::min()) + " to " +
                       std::to_string(std::numeric_limits<T>::max()),
                   cx.problems);
    }
    return v.has_value();
  }
  static YamlNode write(T v) { return YamlNode::plain(std::to_string(v)); }
  static std::string type_name(bool many) { return many ? "integers" : "integer"; }
  static void check(const Rule& rule, T v, const Checked& where) {
    if (rule.number && !rule.number(static_cast<double>(v))) where.refuse(write(v), rule.wanted);
  }
};

template <>
struct Codec<double> : NumberCodec {
  static bool read(const YamlNode& node, const std::string& key, ReadContext& cx, double& out) {
    const std::optional<double> v = read_number(node, key, cx.problems);
    if (v) out = *v;
    return v.has_value();
  }
  static YamlNode write(double v) { return YamlNode::plain(real_text(v)); }
  static std::string type_name(bool many) { return many ? "numbers" : "number"; }
  static void check(const Rule& rule, double v, const Checked& where) {
    if (rule.number && !rule.number(v)) where.refuse(write(v), rule.wanted);
  }
};

template <>
struct Codec<Duration> : NumberCodec {
  static bool read(const YamlNode& node, const std::string& key, ReadContext& cx, Duration& out) {
    const std::optional<Duration> v = read_span(node, key, cx.problems);
    if (v) out = *v;
    return v.has_value();
  }
  static YamlNode write(Duration v) { return YamlNode::plain(duration_text(v)); }
  static std::string type_name(bool many) { return many ? "durations" : "duration"; }
  static void check(const Rule& rule, Duration v, const Checked& where) {
    if (rule.number && !rule.number(v.seconds)) where.refuse(write(v), rule.wanted);
  }
};

template <>
struct Codec<std::string> : TextCodec {
  static bool read(const YamlNode& node,
                   const std::string& key,
                   ReadContext& cx,
                   std::string& out) {
    std::optional<std::string> v = read_text(node, key, cx.problems);
    if (v) out = std::move(*v);
    return v.has_value();
  }
  static YamlNode write(const std::string& v) { return YamlNode::words(v); }
  static std::string type_name(bool many) { return many ? "texts" : "text"; }
  static void check(const Rule& rule, const std::string& v, const Checked& where) {
    if (rule.text && !rule.text(v)) where.refuse(write(v), rule.wanted);
  }
};

template <NamedEnum E>
struct Codec<E> : PlainCodec {
  static bool read(const YamlNode& node, const std::string& key, ReadContext& cx, E& out) {
    const std::optional<std::string> name = read_choice(node, key, enum_choices<E>(), cx.problems);
    if (name) out = *enum_value<E>(*name);
    return name.has_value();
  }
  static YamlNode write(E v) { return YamlNode::plain(std::string(enum_name(v))); }
  static std::string type_name(bool /*many*/) { return enum_choices<E>(); }
};

template <>
struct Codec<Verbatim> : PlainCodec {
  static bool read(const YamlNode& node,
                   const std::string& /*key*/,
                   ReadContext& /*cx*/,
                   Verbatim& out) {
    out = to_verbatim(node);
    return true;
  }
  static YamlNode write(const Verbatim& v) { return from_verbatim(v); }
  static std::string type_name(bool many) { return many ? "values of any kind" : "any value"; }
};

/// The element of an optional or a list decides which rules apply.
template <class T>
struct WrappingCodec {
  static constexpr bool takes_number = Codec<T>::takes_number;
  static constexpr bool takes_text = Codec<T>::takes_text;
  static const SchemaInfo* group() { return Codec<T>::group(); }

 protected:
  static constexpr bool has_groups = Codec<T>::holds != FieldInfo::Holds::value;
};

template <class T>
struct Codec<std::optional<T>> : WrappingCodec<T> {
  static constexpr bool takes_length = Codec<T>::takes_length;
  static constexpr FieldInfo::Holds holds = Codec<T>::holds;
  static bool read(const YamlNode& node,
                   const std::string& key,
                   ReadContext& cx,
                   std::optional<T>& out) {
    if (node.kind == YamlNode::Kind::null) {
      out.reset();
      return true;
    }
    T value{};
    if (!Codec<T>::read(node, key, cx, value)) return false;
    out = std::move(value);
    return true;
  }
  static YamlNode write(const std::optional<T>& v) {
    return v ? Codec<T>::write(*v) : YamlNode::null();
  }
  static std::string type_name(bool many) { return Codec<T>::type_name(many) + ", or null"; }
  static void check(const Rule& rule, const std::optional<T>& v, const Checked& where) {
    if (v) Codec<T>::check(rule, *v, where);
  }
};

template <class T>
struct Codec<std::vector<T>> : WrappingCodec<T> {
  static constexpr FieldInfo::Holds holds =
      WrappingCodec<T>::has_groups ? FieldInfo::Holds::groups_in_list : FieldInfo::Holds::value;
  static constexpr bool takes_length = true;
  static bool read(const YamlNode& node,
                   const std::string& key,
                   ReadContext& cx,
                   std::vector<T>& out) {
    if (!is_list(node, key, Codec<T>::type_name(true), cx.problems)) return false;
    std::vector<T> values;
    bool good = true;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      T value{};
      good = Codec<T>::read(node.items[i], join_key(key, std::to_string(i)), cx, value) && good;
      values.push_back(std::move(value));
    }
    if (good) out = std::move(values);
    return good;
  }
  static YamlNode write(const std::vector<T>& values) {
    YamlNode node = YamlNode::list();
    for (const auto& v : values) node.items.push_back(Codec<T>::write(v));
    return node;
  }
  static std::string type_name(bool many) {
    return (many ? "lists of " : "list of ") + Codec<T>::type_name(true);
  }
  static void check(const Rule& rule, const std::vector<T>& values, const Checked& where) {
    if (rule.length && !rule.length(values.size())) where.refuse(write(values), rule.wanted);
    if (rule.length) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      Codec<T>::check(rule, values[i], where.element(i));
    }
  }
};

template <class T>
struct Codec<std::vector<std::pair<std::string, T>>> : WrappingCodec<T> {
  static constexpr FieldInfo::Holds holds =
      WrappingCodec<T>::has_groups ? FieldInfo::Holds::groups_by_name : FieldInfo::Holds::value;
  static constexpr bool takes_length = true;
  static bool read(const YamlNode& node, const std::string& key, ReadContext& cx, Named<T>& out) {
    if (!is_map(node, key, "must be a map of names to " + Codec<T>::type_name(true), cx.problems)) {
      return false;
    }
    Named<T> values;
    bool good = true;
    for (const YamlNode::Entry& e : node.entries) {
      T value{};
      good = Codec<T>::read(e.value, join_key(key, e.key), cx, value) && good;
      values.emplace_back(e.key, std::move(value));
    }
    if (good) out = std::move(values);
    return good;
  }
  static YamlNode write(const Named<T>& values) {
    YamlNode node = YamlNode::map();
    for (const auto& [name, v] : values) node.add(name, Codec<T>::write(v));
    return node;
  }
  static std::string type_name(bool many) {
    return (many ? "maps of names to " : "map of names to ") + Codec<T>::type_name(true);
  }
  static void check(const Rule& rule, const Named<T>& values, const Checked& where) {
    if (rule.length && !rule.length(values.size())) where.refuse(write(values), rule.wanted);
    if (rule.length) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      Codec<T>::check(rule, values[i].second, where.element(i));
    }
  }
};

}  // namespace mneme
