#include "data/output_file.h"

namespace mneme {

OutputFile::OutputFile(const std::filesystem::path& path, Open open)
    : file_(open == Open::fresh ? File::create(path) : File::open_to_write(path)),
      written_(file_.size()) {}

void OutputFile::append(std::span<const std::byte> bytes) {
  constexpr std::size_t most = 1U << 20U;
  if (buffer_.size() + bytes.size() > most) flush();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void OutputFile::flush() {
  file_.write_at(written_, buffer_);
  written_ += std::ssize(buffer_);
  buffer_.clear();
}

void OutputFile::sync() {
  flush();
  file_.sync();
}

void OutputFile::truncate(std::int64_t size) {
  flush();
  file_.truncate(size);
  written_ = size;
}

}  // namespace mneme
