#include "checkpoint/posix_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/math.h"

namespace mneme {
namespace {

std::string system_words(int error) {
  return std::system_category().message(error);
}

int open_file(const std::filesystem::path& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

}  // namespace

PosixFile::PosixFile(std::filesystem::path path, int descriptor, const char* what)
    : path_(std::move(path)), descriptor_(descriptor) {
  require(descriptor_ >= 0, errno == ENOENT ? Fault::checkpoint : Fault::machine,
          "cannot {} {}: {}", what, path_.string(), system_words(errno));
}

PosixFile PosixFile::open_to_read(const std::filesystem::path& path) {
  return {path, open_file(path, O_RDONLY), "open"};
}
PosixFile PosixFile::open_to_write(const std::filesystem::path& path) {
  return {path, open_file(path, O_RDWR), "open"};
}
PosixFile PosixFile::create(const std::filesystem::path& path) {
  return {path, open_file(path, O_RDWR | O_CREAT | O_TRUNC), "create"};
}
PosixFile PosixFile::temporary() {
  const std::filesystem::path memory = "/dev/shm";
  const bool is_there = ::access(memory.c_str(), W_OK | X_OK) == 0;
  const auto folder = is_there ? memory : std::filesystem::temp_directory_path();
  std::string pattern = (folder / "mneme_XXXXXX").string();
  const int descriptor = ::mkostemp(pattern.data(), O_CLOEXEC);
  PosixFile file(pattern, descriptor, "make the temporary file");
  file.is_temporary_ = true;
  return file;
}

void PosixFile::remove_name() {
  if (std::exchange(is_temporary_, false)) ::unlink(path_.c_str());
}

PosixFile::~PosixFile() {
  remove_name();
  if (descriptor_ >= 0) ::close(descriptor_);
}

PosixFile::PosixFile(PosixFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      is_temporary_(std::exchange(other.is_temporary_, false)) {}

void PosixFile::read_at(std::int64_t offset, std::span<std::byte> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n =
        ::pread(descriptor_, bytes.data() + done, std::min(bytes.size() - done, piece_bytes),
                offset + static_cast<std::int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, Fault::machine, "cannot read {} at byte {}: {}", path_.string(),
            offset + static_cast<std::int64_t>(done), system_words(errno));
    require(n > 0, Fault::checkpoint,
            "{} is cut short: {} bytes from byte {} on are wanted, but it ends at byte {}",
            path_.string(), bytes.size(), offset, offset + static_cast<std::int64_t>(done));
    done += static_cast<std::size_t>(n);
  }
}

void PosixFile::write_at(std::int64_t offset, std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n =
        ::pwrite(descriptor_, bytes.data() + done, std::min(bytes.size() - done, piece_bytes),
                 offset + static_cast<std::int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    require(n > 0, Fault::machine, "cannot write {} at byte {}: {}", path_.string(),
            offset + static_cast<std::int64_t>(done), system_words(n == 0 ? ENOSPC : errno));
    done += static_cast<std::size_t>(n);
  }
}

std::int64_t PosixFile::size() const {
  struct stat status {};
  require(::fstat(descriptor_, &status) == 0, Fault::machine, "cannot look at {}: {}",
          path_.string(), system_words(errno));
  return status.st_size;
}

void PosixFile::sync() {
  require(::fsync(descriptor_) == 0, Fault::machine, "cannot bring {} to the disk: {}",
          path_.string(), system_words(errno));
}

void PosixFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  require(descriptor < 0 || ::close(descriptor) == 0, Fault::machine, "cannot close {}: {}",
          path_.string(), system_words(errno));
}

std::string read_text(const std::filesystem::path& path) {
  const PosixFile file = PosixFile::open_to_read(path);
  std::string text(size_of(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  PosixFile file = PosixFile::create(path);
  file.write_at(0, std::as_bytes(std::span(text)));
  file.sync();
  file.close();
}

void require_file_size_allowed(const std::filesystem::path& path, std::int64_t bytes) {
  rlimit limit{};
  const bool known = ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  require(!known || static_cast<rlim_t>(bytes) <= limit.rlim_cur, Fault::machine,
          "{} takes {} bytes, but files may have {} at most here: raise that limit (ulimit -f)",
          path.string(), bytes, limit.rlim_cur);
}

void sync_folder(const std::filesystem::path& folder) {
  PosixFile names = PosixFile::open_to_read(folder);
  names.sync();
  names.close();
}

}  // namespace mneme
