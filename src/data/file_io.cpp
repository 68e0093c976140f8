#include "data/file_io.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

namespace mneme {
namespace {

constexpr std::size_t buffer_bytes = 1U << 20U;

void sync_path(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0, Fault::machine, "'{}' cannot be opened to sync it: {}", path.string(),
          system_error_text());
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL;  // some file systems cannot sync folders
  const std::string why = synced ? "" : system_error_text();
  ::close(fd);
  require(synced, Fault::machine, "'{}' cannot be synced to disk: {}", path.string(), why);
}

}  // namespace

std::string system_error_text() {
  return std::generic_category().message(errno);
}

FolderLock::FolderLock(const std::filesystem::path& folder, std::string_view command) {
  const std::filesystem::path path = folder / "lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  require(fd_ >= 0, Fault::machine, "'{}' cannot be written: {}", path.string(),
          system_error_text());
  const bool is_mine = ::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno == ENOTSUP;
  if (!is_mine) ::close(fd_);
  require(is_mine, Fault::user, "another `{}` is at work in '{}'; hint: wait for it, or end it",
          command, folder.string());
}

FolderLock::~FolderLock() {
  ::close(fd_);
}

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd_ >= 0 || errno != ENOENT, Fault::user, "there is no file '{}'", path_.string());
  require(fd_ >= 0, Fault::machine, "the file '{}' cannot be opened: {}", path_.string(),
          system_error_text());
  struct stat info {};
  const bool known = ::fstat(fd_, &info) == 0;
  if (!known || !S_ISREG(info.st_mode)) {
    ::close(fd_);
    fail(Fault::user, "'{}' is not a regular file", path_.string());
  }
  size_ = info.st_size;
}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

std::size_t InputFile::read_some(std::int64_t offset, std::span<std::byte> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ::pread(fd_, bytes.data() + done, bytes.size() - done,
                           offset + static_cast<std::int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, Fault::machine, "reading '{}' at byte {} failed: {}", path_.string(), offset,
            system_error_text());
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

void InputFile::read(std::int64_t offset, std::span<std::byte> bytes) const {
  const std::size_t n = read_some(offset, bytes);
  require(n == bytes.size(), Fault::data,
          "'{}' ends at byte {}, but {} bytes at {} are wanted: it has been cut short since it was "
          "opened",
          path_.string(), offset + static_cast<std::int64_t>(n), bytes.size(), offset);
}

OutputFile::OutputFile(std::filesystem::path path, Open open) : path_(std::move(path)) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (open == Open::fresh ? O_TRUNC : 0);
  fd_ = ::open(path_.c_str(), flags, 0666);
  require(fd_ >= 0, Fault::machine, "'{}' cannot be written: {}", path_.string(),
          system_error_text());
  size_ = ::lseek(fd_, 0, SEEK_END);
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
}

void OutputFile::append(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > buffer_bytes) flush();
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  size_ += static_cast<std::int64_t>(bytes.size());
}

void OutputFile::flush() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    const auto n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    require(n > 0, Fault::machine, "writing {} bytes to '{}' failed: {}", buffer_.size() - done,
            path_.string(), system_error_text());
    done += static_cast<std::size_t>(n);
  }
  buffer_.clear();
}

void OutputFile::sync() {
  flush();
  require(::fsync(fd_) == 0, Fault::machine, "'{}' cannot be synced to disk: {}", path_.string(),
          system_error_text());
}

void OutputFile::truncate(std::int64_t size) {
  flush();
  require(::ftruncate(fd_, size) == 0 && ::lseek(fd_, 0, SEEK_END) == size, Fault::machine,
          "'{}' cannot be cut to {} bytes: {}", path_.string(), size, system_error_text());
  size_ = size;
}

void commit_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  sync_path(from);
  std::error_code error;
  std::filesystem::rename(from, to, error);
  require(!error, Fault::machine, "'{}' cannot be renamed to '{}': {}", from.string(), to.string(),
          error.message());
  const auto folder = to.parent_path();
  sync_path(folder.empty() ? "." : folder);
}

void write_file_atomically(const std::filesystem::path& path, const std::string& text) {
  auto fresh = path;
  fresh += ".new";
  {
    OutputFile file(fresh, OutputFile::Open::fresh);
    file.append(std::as_bytes(std::span(text)));
    file.sync();
  }
  commit_file(fresh, path);
}

std::string read_file(const std::filesystem::path& path) {
  const InputFile file(path);
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace mneme
