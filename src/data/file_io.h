#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace mneme {

/// The system's words for `errno` now.
std::string system_error_text();

/// A file open for reading at any place, by any number of threads.
class InputFile {
 public:
  /// Fault::user when there is no such file, Fault::machine when it cannot be opened.
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Bytes when it was opened.
  std::int64_t size() const { return size_; }
  /// Up to bytes.size() bytes from `offset`; fewer only at the end of the file. Fault::machine.
  std::size_t read_some(std::int64_t offset, std::span<std::byte> bytes) const;
  /// Exactly bytes.size() bytes; Fault::data when the file has become shorter.
  void read(std::int64_t offset, std::span<std::byte> bytes) const;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::int64_t size_ = 0;
};

/// A file that is written from front to back, through a buffer. Errors are Fault::machine and name
/// the file and the bytes ("no space left on device").
class OutputFile {
 public:
  enum class Open { fresh, append };
  OutputFile(std::filesystem::path path, Open open);
  /// Closes without a flush: what was not committed by sync() may be lost.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void append(std::span<const std::byte> bytes);
  /// Bytes appended so far, and those that were there when it was opened.
  std::int64_t size() const { return size_; }
  /// Everything appended is on the disk when this returns.
  void sync();
  /// Cuts the file; used to forget what was written after the last commit.
  void truncate(std::int64_t size);

 private:
  void flush();
  std::filesystem::path path_;
  int fd_ = -1;
  std::int64_t size_ = 0;
  std::string buffer_;
};

/// A folder for one process alone: a lock on its file `lock`, which goes with the process however
/// it ends. File systems without locks grant it always. Fault::user where another has it, with
/// `command`'s name; Fault::machine where the file cannot be made.
class FolderLock {
 public:
  FolderLock(const std::filesystem::path& folder, std::string_view command);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_ = -1;
};

/// Renames `from` to `to`, replacing it, such that after a crash one of the two is there whole:
/// both the file and its folder are synced.
void commit_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Writes a small file by way of `path`.new and commit_file.
void write_file_atomically(const std::filesystem::path& path, const std::string& text);

/// The bytes of a small file. Fault::user when there is none.
std::string read_file(const std::filesystem::path& path);

}  // namespace mneme
