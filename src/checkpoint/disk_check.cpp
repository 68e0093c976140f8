#include "checkpoint/disk_check.h"

#include <chrono>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text_file.h"
#include "checkpoint/block_file.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// A file's name that goes with this object.
class Passing {
 public:
  explicit Passing(fs::path path) : path_(std::move(path)) {}
  ~Passing() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

double write_speed(const fs::path& path) {
  constexpr std::int64_t pieces = 4;
  std::vector<std::byte> piece(piece_bytes);
  for (std::size_t i = 0; i < piece.size(); ++i)  // nothing that a file system could compress
    piece[i] = static_cast<std::byte>((i * 2654435761U) >> 13);
  const auto begin = Clock::now();
  File file = File::create(path);
  for (std::int64_t p = 0; p < pieces; ++p) file.write_at(p * std::ssize(piece), piece);
  file.sync();
  file.close();
  return static_cast<double>(pieces) * static_cast<double>(piece.size()) / since(begin);
}

}  // namespace

DiskCheck check_disk(const fs::path& folder) {
  DiskCheck check;
  std::error_code error;
  check.free_bytes = static_cast<std::int64_t>(fs::space(folder, error).available);
  require(!error, Fault::machine, "cannot look at {}: {}", folder.string(), error.message());
  const std::string name = fmt::format(".mneme_doctor.{}", ::getpid());
  {
    const Passing large(folder / (name + ".large"));
    check.write_bytes_per_s = write_speed(large.path());
  }
  check.left = folder / name;
  const Passing fresh(folder / (name + ".new"));
  const auto begin = Clock::now();
  write_text(fresh.path(), name);
  fs::rename(fresh.path(), check.left, error);
  require(!error, Fault::machine, "cannot rename {}: {}", fresh.path().string(), error.message());
  File::sync_folder(folder);
  check.sync_seconds = since(begin);
  require(read_text(check.left) == name, Fault::machine, "{} does not read back as it was written",
          check.left.string());
  return check;
}

}  // namespace mneme
