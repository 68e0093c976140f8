#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/token_format.h"

namespace mneme {

enum class TextFormat : std::uint8_t { text, json_lines };
enum class Compression : std::uint8_t { none, gzip, zstd };

/// A file of text, and how to read it.
struct TextFile {
  std::filesystem::path path;
  TextFormat format = TextFormat::text;
  Compression compression = Compression::none;
  std::int64_t bytes = 0;  // on the disk
};

/// The files that inputs stand for, in the order they are read.
struct TextFiles {
  std::vector<TextFile> files;
  std::vector<std::string> ignored;  // in folders: files whose names say nothing of text
  std::int64_t bytes() const;
};

/// Files are .txt and .jsonl, plain or with .gz or .zst after that. A folder stands for all such
/// files in it and its subfolders, sorted by path; hidden ones are left out. Fault::user: no input,
/// a missing one, a file of another name, a folder with no such file.
TextFiles list_text_files(const std::vector<std::string>& inputs);

/// Reads one file from front to back, uncompressed, and hashes what lies on the disk.
class TextInput {
 public:
  explicit TextInput(const TextFile& file);
  ~TextInput();
  TextInput(const TextInput&) = delete;
  TextInput& operator=(const TextInput&) = delete;

  /// The next bytes of text; 0 at the end only. Fault::data: damaged or cut compression.
  std::size_t read(std::span<char> out);
  /// Reads and forgets `bytes` bytes of text. Fault::data when there are fewer.
  void skip(std::int64_t bytes);
  /// Bytes of the file on the disk that were read so far.
  std::int64_t disk_bytes() const;
  /// Size and hash of the file; after read() returned 0.
  TokenOrigin origin() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mneme
