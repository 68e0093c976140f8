#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "train/plan.h"
#include "train/run_config.h"
#include "train/run_folder.h"

namespace mneme {

/// One run of a study.
struct Member {
  std::string name;                                         // of its folder
  std::vector<std::pair<std::string, std::string>> varied;  // dotted key and its value, as text
  RunConfig config;                                         // complete, the vocabulary included
  Plan plan;
  RunFolder folder() const { return RunFolder(config); }
  std::int64_t pool_rows() const;  // of one pool; 0: no memory layers
};

/// All runs of a study.
struct Study {
  std::string name;
  std::filesystem::path folder;  // output/name, where the members' folders are
  int ranks = 1;                 // of each run
  std::vector<Member> members;   // those of the list, then those of the grid, its last key fastest
  /// Every dotted key that some member varies, in order of appearance.
  std::vector<std::string> varied_keys() const;
};

/// Reads a study's file, and for each member its whole config, its token files' headers and the
/// plan of its step: everything that `train` would refuse before its first step is refused here.
/// `overrides` ("a.b=c") go on top of all members; they may not name what varies. A member's name
/// is made of what varies, such as `half_keys=64,lr=0.003`, with values as the effective config
/// writes them, so that it stays when the file is written in another way. Fault::user with every
/// mistake, one per line with file and line.
Study read_study(const std::filesystem::path& file, const std::vector<std::string>& overrides);

/// The shortest ends of dotted keys that still differ: a.lr, b.lr, c.d become a.lr, b.lr, d.
std::vector<std::string> short_keys(const std::vector<std::string>& keys);

/// A value as part of a folder's name: letters, digits and ._+- only.
std::string name_of_value(const std::string& text);

}  // namespace mneme
