#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace mneme {

/// Bytes that are read, hashed or written at once: what a checkpoint needs of memory beside the
/// state itself, whatever its size.
inline constexpr std::size_t piece_bytes = std::size_t{16} << 20;

/// An open file. Reads and writes are whole or throw: Fault::machine with the path and the system's
/// own words, Fault::checkpoint where the file ends too early.
class PosixFile {
 public:
  static PosixFile open_to_read(const std::filesystem::path& path);
  /// An existing file, to be read and written.
  static PosixFile open_to_write(const std::filesystem::path& path);
  /// A new or emptied file.
  static PosixFile create(const std::filesystem::path& path);
  /// A new file in memory (/dev/shm; where there is none, in the system's folder for such), whose
  /// name goes with this object if `remove_name` was not called before.
  static PosixFile temporary();
  ~PosixFile();
  PosixFile(PosixFile&& other) noexcept;
  PosixFile& operator=(PosixFile&&) = delete;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  void read_at(std::int64_t offset, std::span<std::byte> bytes) const;
  void write_at(std::int64_t offset, std::span<const std::byte> bytes);
  std::int64_t size() const;  // bytes
  const std::filesystem::path& path() const { return path_; }
  /// The file lives on as long as somebody has it open.
  void remove_name();
  /// Returns when the contents are on the device.
  void sync();
  /// The destructor closes too, but says nothing of an error, and some file systems report a failed
  /// write only here.
  void close();

 private:
  PosixFile(std::filesystem::path path, int descriptor, const char* what);

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool is_temporary_ = false;
};

/// The whole file.
std::string read_text(const std::filesystem::path& path);
/// A new file with this text, on the device when it returns.
void write_text(const std::filesystem::path& path, const std::string& text);
/// Throws Fault::machine if this process may not write files of so many bytes (ulimit -f).
void require_file_size_allowed(const std::filesystem::path& path, std::int64_t bytes);
/// Returns when the names in a folder are on the device.
void sync_folder(const std::filesystem::path& folder);

}  // namespace mneme
