#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_config.h"

namespace mneme {

/// A file that is not there, and every key of the config that names it: "data.train.0.files.1".
struct AbsentFile {
  std::string path;
  std::vector<std::string> keys;
  /// "data.train.0.files.1, data.validation.0.files.0: there is no file 'a.h5'"
  std::string line() const;
};

/// The files named under one of `keys` ("data.train", "data.tokenizer"; none: all) that are not
/// there, each once, in the order of the config. Files are looked for, not opened.
std::vector<AbsentFile> absent_files(const DataConfig& config,
                                     std::initializer_list<std::string_view> keys = {});

/// Where they were looked for and what makes such files, for a line that begins with "hint:".
std::string absent_hint(std::span<const AbsentFile> files);

/// Fault::user with all absent files named under one of `keys`, a line each.
void require_files(const DataConfig& config, std::initializer_list<std::string_view> keys);

}  // namespace mneme
