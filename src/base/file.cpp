#include "base/file.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mneme {
namespace {

int open_file(const std::filesystem::path& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

/// `work` was asked of the system for this file.
void require_done(bool done, const char* work, const std::filesystem::path& path) {
  if (!done) fail(Fault::machine, "cannot {} {}: {}", work, path.string(), system_error_text());
}

}  // namespace

std::string system_error_text() {
  return std::generic_category().message(errno);
}

File::File(std::filesystem::path path, int descriptor, const char* what, FileFaults faults)
    : path_(std::move(path)), descriptor_(descriptor), faults_(faults) {
  require_done(descriptor_ >= 0, what, path_);
}

File File::open_to_read(const std::filesystem::path& path, FileFaults faults) {
  const int descriptor = open_file(path, O_RDONLY);
  require(descriptor >= 0 || errno != ENOENT, faults.missing, "there is no file '{}'",
          path.string());
  File file(path, descriptor, "open", faults);
  struct stat status {};
  const bool known = ::fstat(descriptor, &status) == 0;
  require(known && S_ISREG(status.st_mode), faults.missing, "'{}' is not a regular file",
          path.string());
  return file;
}
File File::open_to_write(const std::filesystem::path& path) {
  return {path, open_file(path, O_RDWR | O_CREAT), "open"};
}
File File::create(const std::filesystem::path& path) {
  return {path, open_file(path, O_RDWR | O_CREAT | O_TRUNC), "create"};
}
File File::temporary() {
  const std::filesystem::path memory = "/dev/shm";
  const bool is_there = ::access(memory.c_str(), W_OK | X_OK) == 0;
  const auto folder = is_there ? memory : std::filesystem::temp_directory_path();
  std::string pattern = (folder / "mneme_XXXXXX").string();
  const int descriptor = ::mkostemp(pattern.data(), O_CLOEXEC);
  File file(pattern, descriptor, "make the temporary file");
  file.is_temporary_ = true;
  return file;
}

void File::sync_folder(const std::filesystem::path& folder) {
  File(folder, open_file(folder, O_RDONLY | O_DIRECTORY), "open").sync();
}

void File::remove_name() {
  if (std::exchange(is_temporary_, false)) ::unlink(path_.c_str());
}

File::~File() {
  remove_name();
  if (descriptor_ >= 0) ::close(descriptor_);
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      faults_(other.faults_),
      is_temporary_(std::exchange(other.is_temporary_, false)) {}

std::int64_t File::size() const {
  struct stat status {};
  require_done(::fstat(descriptor_, &status) == 0, "look at", path_);
  return status.st_size;
}

std::size_t File::read_some(std::int64_t offset, std::span<std::byte> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::int64_t at = offset + static_cast<std::int64_t>(done);
    const ssize_t n = ::pread(descriptor_, bytes.data() + done, bytes.size() - done, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      fail(Fault::machine, "cannot read {} at byte {}: {}", path_.string(), at,
           system_error_text());
    }
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

void File::read_at(std::int64_t offset, std::span<std::byte> bytes) const {
  const std::size_t n = read_some(offset, bytes);
  require(n == bytes.size(), faults_.cut_short,
          "'{}' ends at byte {}, but {} bytes at {} are wanted: it has been cut short since it was "
          "opened",
          path_.string(), offset + static_cast<std::int64_t>(n), bytes.size(), offset);
}

void File::write_at(std::int64_t offset, std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::int64_t at = offset + static_cast<std::int64_t>(done);
    const ssize_t n = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, at);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) {
      fail(Fault::machine, "cannot write {} at byte {}: {}", path_.string(), at,
           system_error_text());
    }
    done += static_cast<std::size_t>(n);
  }
}

void File::truncate(std::int64_t size) {
  require_done(::ftruncate(descriptor_, size) == 0, "cut", path_);
}

bool File::lock() {
  return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno == ENOTSUP;
}

void File::sync() {
  const bool synced = ::fsync(descriptor_) == 0 || errno == EINVAL;  // some cannot sync folders
  require_done(synced, "bring to the disk", path_);
}

void File::close() {
  require_done(::close(std::exchange(descriptor_, -1)) == 0, "close", path_);
}

}  // namespace mneme
