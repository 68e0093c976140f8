#pragma once

#include <string>
#include <vector>

#include "config/schema.h"

namespace mneme {

/// A named member of a study's list.
struct VariantConfig {
  std::string name;
  std::string base;
  Named<Verbatim> set;

  static void describe(Schema<VariantConfig>& s);
};
static_assert(Config<VariantConfig>);

/// A study as written: which runs it consists of. Values of `set`, `grid` and `list` are those of
/// RunConfig's dotted keys, and are read with its schema, member by member.
struct StudyConfig {
  std::string name;
  std::string output = "runs";
  std::string base;
  int ranks = 1;
  Named<Verbatim> set;
  Named<std::vector<Verbatim>> grid;
  std::vector<VariantConfig> list;

  static void describe(Schema<StudyConfig>& s);
};
static_assert(Config<StudyConfig>);

}  // namespace mneme
