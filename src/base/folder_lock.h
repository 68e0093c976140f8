#pragma once

#include <filesystem>
#include <string_view>

#include "base/file.h"

namespace mneme {

/// A folder for one process alone: a lock on its file `lock`, see File::lock. Fault::user where
/// another has it, with `command`'s name; Fault::machine where the file cannot be made.
class FolderLock {
 public:
  FolderLock(const std::filesystem::path& folder, std::string_view command);

 private:
  File file_;
};

}  // namespace mneme
