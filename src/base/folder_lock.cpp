#include "base/folder_lock.h"

namespace mneme {

FolderLock::FolderLock(const std::filesystem::path& folder, std::string_view command)
    : file_(File::open_to_write(folder / "lock")) {
  require(file_.lock(), Fault::user,
          "another `{}` is at work in '{}'; hint: wait for it, or end it", command,
          folder.string());
}

}  // namespace mneme
