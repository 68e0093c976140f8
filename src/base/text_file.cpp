#include "base/text_file.h"

#include <span>
#include <system_error>

namespace mneme {

std::string read_text(const std::filesystem::path& path, FileFaults faults) {
  const File file = File::open_to_read(path, faults);
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  File file = File::create(path);
  file.write_at(0, std::as_bytes(std::span(text)));
  file.sync();
  file.close();
}

void write_text_atomically(const std::filesystem::path& path, const std::string& text) {
  auto fresh = path;
  fresh += ".new";
  write_text(fresh, text);
  commit_file(fresh, path);
}

void commit_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  File::open_to_read(from).sync();
  std::error_code error;
  std::filesystem::rename(from, to, error);
  require(!error, Fault::machine, "'{}' cannot be renamed to '{}': {}", from.string(), to.string(),
          error.message());
  const auto folder = to.parent_path();
  File::sync_folder(folder.empty() ? "." : folder);
}

}  // namespace mneme
