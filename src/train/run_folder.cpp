#include "train/run_folder.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/parse.h"
#include "config/print.h"

namespace mneme {
namespace {

bool is_named(const std::vector<std::string>& overrides, const std::string& key) {
  return std::any_of(overrides.begin(), overrides.end(), [&](const std::string& o) {
    const std::string name = o.substr(0, o.find('='));
    return key == name || key.starts_with(name + ".");
  });
}

}  // namespace

std::vector<std::string> require_same_run(const std::string& saved,
                                          const RunConfig& now,
                                          const std::vector<std::string>& overrides,
                                          const std::string& where) {
  const auto before = parse_text<RunConfig>(saved, "the config saved in " + where);
  std::string list;
  std::vector<std::string> allowed;
  for (const Change& c : diff(before, now)) {
    if (!c.alters_result) continue;
    const std::string text = fmt::format("{}: {} -> {}", c.key, c.before, c.after);
    // Steps that rows still owe are kept in a form of the mode's own.
    const bool is_fixed = c.key == "optimizer.pool_update";
    if (!is_fixed && is_named(overrides, c.key)) {
      allowed.push_back(text);
    } else {
      list += "\n  " + text + (is_fixed ? " (cannot change within a run)" : "");
    }
  }
  require(list.empty(), Fault::user,
          "{} was trained with other options that change the result:{}\n  hint: give the run "
          "another name, or say so with --set KEY=VALUE for each",
          where, list);
  return allowed;
}

}  // namespace mneme
