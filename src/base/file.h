#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/check.h"

namespace mneme {

/// The system's words for `errno` now.
std::string system_error_text();

/// Whose fault it is that a file is missing, and that it ends before the bytes that are wanted.
struct FileFaults {
  Fault missing = Fault::user;
  Fault cut_short = Fault::data;
};
inline constexpr FileFaults checkpoint_faults{Fault::checkpoint, Fault::checkpoint};

/// An open file, to be read at any place by any number of threads. Errors that are not named below
/// are Fault::machine, with the path and the system's own words.
class File {
 public:
  /// A regular file that is there already; else faults.missing.
  static File open_to_read(const std::filesystem::path& path, FileFaults faults = {});
  /// A file to be read and written; an empty one is made where there is none.
  static File open_to_write(const std::filesystem::path& path);
  /// A new or emptied file, to be read and written.
  static File create(const std::filesystem::path& path);
  /// A new file in memory (/dev/shm; where there is none, in the system's folder for such), whose
  /// name goes with this object if `remove_name` was not called before.
  static File temporary();
  /// Returns when the names in a folder are on the device.
  static void sync_folder(const std::filesystem::path& folder);
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const;  // bytes, now
  /// Up to bytes.size() bytes from `offset`; fewer only at the end of the file.
  std::size_t read_some(std::int64_t offset, std::span<std::byte> bytes) const;
  /// Exactly bytes.size() bytes; faults.cut_short where the file ends before.
  void read_at(std::int64_t offset, std::span<std::byte> bytes) const;
  void write_at(std::int64_t offset, std::span<const std::byte> bytes);
  void truncate(std::int64_t size);
  /// Takes the file for this process alone, until it is closed, however the process ends; false
  /// where another has it. File systems without locks grant it always.
  bool lock();
  /// The file lives on as long as somebody has it open.
  void remove_name();
  /// Returns when the contents are on the device.
  void sync();
  /// The destructor closes too, but says nothing of an error, and some file systems report a failed
  /// write only here.
  void close();

 private:
  File(std::filesystem::path path, int descriptor, const char* what, FileFaults faults = {});

  std::filesystem::path path_;
  int descriptor_ = -1;
  FileFaults faults_;
  bool is_temporary_ = false;
};

}  // namespace mneme
