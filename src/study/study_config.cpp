#include "study/study_config.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace mneme {
namespace {

/// Text that is the name of a folder, and of one only.
Rule folder_name() {
  const std::string allowed = "letters, digits and ._+=,- not beginning with a full stop";
  return {.wanted = "must consist of " + allowed,
          .allowed = allowed,
          .number = {},
          .text =
              [](const std::string& name) {
                return !name.starts_with('.') &&
                       std::all_of(name.begin(), name.end(), [](unsigned char c) {
                         return std::isalnum(c) != 0 ||
                                std::string_view("._+=,-").find(static_cast<char>(c)) !=
                                    std::string_view::npos;
                       });
              },
          .length = {}};
}

}  // namespace

void VariantConfig::describe(Schema<VariantConfig>& s) {
  s.field("name", &VariantConfig::name, "", "of the member: its folder is output/study/name",
          not_empty(), folder_name(), required())
      .field("base", &VariantConfig::base, "",
             "config of a run to build on, relative to this file; by default the study's")
      .field("set", &VariantConfig::set, "", "dotted keys of a run and their values");
}

void StudyConfig::describe(Schema<StudyConfig>& s) {
  s.field("name", &StudyConfig::name, "", "of the study: its folder is output/name", not_empty(),
          folder_name(), required())
      .field("output", &StudyConfig::output, "", "folder of studies", not_empty())
      .field("base", &StudyConfig::base, "",
             "config of a run that all members build on, relative to this file")
      .field("ranks", &StudyConfig::ranks, "ranks",
             "of each run; more ranks than that run several members side by side", positive())
      .field("set", &StudyConfig::set, "", "dotted keys of a run and their values, for all members")
      .field("grid", &StudyConfig::grid, "",
             "dotted keys of a run, each with a list of values: a member for every combination")
      .field("list", &StudyConfig::list, "", "further members, one by one, before those of grid")
      .together("{grid} or list must name at least one member",
                [](const StudyConfig& c) { return !c.grid.empty() || !c.list.empty(); })
      .together("{base} must name a config, unless every member of a list without grid has its own",
                [](const StudyConfig& c) {
                  return !c.base.empty() ||
                         (c.grid.empty() &&
                          std::all_of(c.list.begin(), c.list.end(),
                                      [](const VariantConfig& v) { return !v.base.empty(); }));
                });
}

}  // namespace mneme
