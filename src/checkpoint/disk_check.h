#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace mneme {

/// What saving a checkpoint asks of a folder's file system.
struct DiskCheck {
  std::int64_t free_bytes = 0;   // for this user
  double write_bytes_per_s = 0;  // 64 MiB, until fsync returned
  double sync_seconds = 0;       // of a small file and its folder: write, fsync, rename, fsync
  std::filesystem::path left;    // a small file that was written: for other ranks to look for
};

/// Writes, syncs, renames and reads back in `folder`, which must be there; only `left` stays, for
/// the caller to remove. Fault::machine with the system's words for what does not work.
DiskCheck check_disk(const std::filesystem::path& folder);

}  // namespace mneme
