#include "config/value.h"

#include <fmt/format.h>

#include "config/yaml_load.h"

namespace mneme {
namespace {

/// Whether `node` is a scalar; if not, adds the problem.
bool is_scalar(const YamlNode& node,
               const std::string& key,
               const std::string& wanted,
               Problems& problems) {
  if (node.kind == YamlNode::Kind::scalar) return true;
  if (node.kind == YamlNode::Kind::null) {
    problems.add(node.place, fmt::format("{} has no value: {}", key, wanted));
  } else {
    problems.refuse(node.place, key, flow_text(node), wanted);
  }
  return false;
}

/// As is_scalar, and not in quotes.
bool is_bare(const YamlNode& node,
             const std::string& key,
             const std::string& wanted,
             Problems& problems) {
  if (!is_scalar(node, key, wanted, problems)) return false;
  if (node.quoted) problems.refuse(node.place, key, flow_text(node), wanted + ", without quotes");
  return !node.quoted;
}

template <class T>
std::optional<T> value_or_problem(Scalar<T> read,
                                  const YamlNode& node,
                                  const std::string& key,
                                  Problems& problems) {
  if (!read.value) problems.refuse(node.place, key, flow_text(node), read.problem);
  return read.value;
}

}  // namespace

Checked Checked::element(std::size_t index) const {
  if (written != nullptr && written->kind == YamlNode::Kind::list &&
      index < written->items.size()) {
    const YamlNode& item = written->items[index];
    return {join_key(key, std::to_string(index)), &item, item.place, problems};
  }
  if (written != nullptr && written->kind == YamlNode::Kind::map &&
      index < written->entries.size()) {
    const YamlNode::Entry& e = written->entries[index];
    return {join_key(key, e.key), &e.value, e.value.place, problems};
  }
  return {join_key(key, std::to_string(index)), nullptr, place, problems};
}

void Checked::refuse(const YamlNode& value, const std::string& why) const {
  if (written != nullptr) {
    problems.refuse(place, key, flow_text(*written), why);
  } else {
    problems.add(place, fmt::format("{} is not set, and its default {} is not allowed: {}", key,
                                    flow_text(value), why));
  }
}

std::optional<bool> read_bool(const YamlNode& node, const std::string& key, Problems& problems) {
  const std::string wanted = "must be true or false";
  if (!is_bare(node, key, wanted, problems)) return std::nullopt;
  if (node.text == "true" || node.text == "false") return node.text == "true";
  problems.refuse(node.place, key, flow_text(node), wanted);
  return std::nullopt;
}

std::optional<WholeNumber> read_whole(const YamlNode& node,
                                      const std::string& key,
                                      Problems& problems) {
  if (!is_bare(node, key, "must be an integer", problems)) return std::nullopt;
  return value_or_problem(read_integer(node.text), node, key, problems);
}

std::optional<double> read_number(const YamlNode& node,
                                  const std::string& key,
                                  Problems& problems) {
  if (!is_bare(node, key, "must be a number", problems)) return std::nullopt;
  return value_or_problem(read_real(node.text), node, key, problems);
}

std::optional<Duration> read_span(const YamlNode& node,
                                  const std::string& key,
                                  Problems& problems) {
  if (!is_bare(node, key, "must be a duration such as 90s, 2h30m or 1.5h", problems)) {
    return std::nullopt;
  }
  return value_or_problem(read_duration(node.text), node, key, problems);
}

std::optional<std::string> read_text(const YamlNode& node,
                                     const std::string& key,
                                     Problems& problems) {
  if (!is_scalar(node, key, "must be text (\"\" for none)", problems)) return std::nullopt;
  if (node.quoted || !is_never_text(node.text)) return node.text;
  problems.refuse(node.place, key, flow_text(node),
                  fmt::format("must be text, in quotes if it is meant: \"{}\"", node.text));
  return std::nullopt;
}

std::optional<std::string> read_choice(const YamlNode& node,
                                       const std::string& key,
                                       const std::string& choices,
                                       Problems& problems) {
  const std::string wanted = "must be one of " + choices;
  if (!is_scalar(node, key, wanted, problems)) return std::nullopt;
  const std::string bounded = fmt::format(" | {} | ", choices);
  const bool whole_name = node.text.find('|') == std::string::npos && !node.text.empty();
  if (whole_name && bounded.find(fmt::format(" | {} | ", node.text)) != std::string::npos) {
    return node.text;
  }
  problems.refuse(node.place, key, flow_text(node), wanted);
  return std::nullopt;
}

void refuse_range(const YamlNode& node,
                  const std::string& key,
                  const std::string& range,
                  Problems& problems) {
  problems.refuse(node.place, key, flow_text(node), "must be from " + range);
}

bool is_list(const YamlNode& node,
             const std::string& key,
             const std::string& of,
             Problems& problems) {
  if (node.kind == YamlNode::Kind::list) return true;
  const std::string wanted = fmt::format("must be a list of {}, [] if it is to be empty", of);
  if (node.kind == YamlNode::Kind::null) {
    problems.add(node.place, fmt::format("{} has no value: {}", key, wanted));
  } else {
    problems.refuse(node.place, key, flow_text(node), wanted);
  }
  return false;
}

bool is_map(const YamlNode& node,
            const std::string& key,
            const std::string& wanted,
            Problems& problems) {
  if (node.kind == YamlNode::Kind::map || node.kind == YamlNode::Kind::null) return true;
  problems.refuse(node.place, key, flow_text(node), wanted);
  return false;
}

Verbatim to_verbatim(const YamlNode& node) {
  return {flow_text(node)};
}

YamlNode from_verbatim(const Verbatim& value) {
  Problems problems;
  YamlNode node = load_yaml(value.yaml, {"a value kept verbatim", 0}, problems);
  problems.throw_if_any();
  return node;
}

}  // namespace mneme
