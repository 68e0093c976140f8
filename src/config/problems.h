#pragma once

#include <string>
#include <vector>

#include "config/yaml_node.h"

namespace mneme {

/// The mistakes found in a config so far. Reading goes on after a mistake, so that the user sees
/// all of them at once.
class Problems {
 public:
  /// "configs/run.yaml:31: TEXT". A hint may follow in further lines of `text`.
  void add(const Place& place, const std::string& text);

  /// "configs/run.yaml:31: KEY = VALUE is not allowed: WHY".
  void refuse(const Place& place,
              const std::string& key,
              const std::string& value,
              const std::string& why);

  std::size_t count() const { return list_.size(); }
  void append(Problems other);

  /// Throws Error(Fault::user) with all problems, ordered by file and line, if there is one.
  void throw_if_any() const;

 private:
  struct Problem {
    Place place;
    std::string text;
  };
  std::vector<Problem> list_;
};

/// The closest of `candidates` to `name` by edits (insert, remove, change, swap neighbours), if it
/// is close enough to be meant: at most a third of the letters, and at least one edit is always
/// allowed.
/// "" if none is.
std::string nearest(const std::string& name, const std::vector<std::string>& candidates);

/// For an unknown dotted key: ", did you mean optim.weight_decay?", or the keys that do exist
/// beside it. `siblings` are the names in the group of the key, `all_keys` the dotted keys of the
/// whole config.
std::string key_hint(const std::string& key,
                     const std::vector<std::string>& siblings,
                     const std::vector<std::string>& all_keys);

}  // namespace mneme
