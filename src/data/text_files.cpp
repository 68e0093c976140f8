#include <algorithm>
#include <optional>
#include <system_error>

#include "base/check.h"
#include "data/text_input.h"

namespace mneme {
namespace {

constexpr const char* known_names = "wanted .txt or .jsonl, plain or followed by .gz or .zst";

std::optional<TextFile> recognise(const std::filesystem::path& path) {
  TextFile file{.path = path};
  std::filesystem::path name = path.filename();
  if (name.extension() == ".gz") file.compression = Compression::gzip;
  if (name.extension() == ".zst") file.compression = Compression::zstd;
  if (file.compression != Compression::none) name = name.stem();
  if (name.extension() == ".jsonl") {
    file.format = TextFormat::json_lines;
  } else if (name.extension() != ".txt") {
    return std::nullopt;
  }
  std::error_code error;
  file.bytes = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
  require(!error, Fault::machine, "'{}' cannot be looked at: {}", path.string(), error.message());
  return file;
}

bool is_hidden(const std::filesystem::path& path) {
  return path.filename().string().starts_with('.');
}

void list_folder(const std::filesystem::path& folder, TextFiles& out) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  auto it = std::filesystem::recursive_directory_iterator(folder, error);
  for (; !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    if (is_hidden(it->path())) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file()) {
      paths.push_back(it->path());
    }
  }
  require(!error, Fault::machine, "the folder '{}' cannot be listed: {}", folder.string(),
          error.message());
  std::sort(paths.begin(), paths.end());
  const std::size_t before = out.files.size();
  for (const auto& path : paths) {
    const auto file = recognise(path);
    if (file) {
      out.files.push_back(*file);
    } else {
      out.ignored.push_back(path.string());
    }
  }
  require(out.files.size() > before, Fault::user, "the folder '{}' holds no text files: {}",
          folder.string(), known_names);
}

}  // namespace

std::int64_t TextFiles::bytes() const {
  std::int64_t sum = 0;
  for (const TextFile& file : files) sum += file.bytes;
  return sum;
}

TextFiles list_text_files(const std::vector<std::string>& inputs) {
  require(!inputs.empty(), Fault::user, "no input: name text files or folders ({})", known_names);
  TextFiles out;
  for (const std::string& input : inputs) {
    const std::filesystem::path path(input);
    require(std::filesystem::exists(path), Fault::user, "there is no file or folder '{}'", input);
    if (std::filesystem::is_directory(path)) {
      list_folder(path, out);
      continue;
    }
    const auto file = recognise(path);
    require(file.has_value(), Fault::user, "'{}' is a file of unknown kind: {}", input,
            known_names);
    out.files.push_back(*file);
  }
  return out;
}

}  // namespace mneme
