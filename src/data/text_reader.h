#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/enum_names.h"
#include "data/text_input.h"

namespace mneme {

/// What a document is in a .txt file. A blank line holds spaces and tabs at most; paragraphs are
/// separated by one or more of them. Line ends (LF or CR LF) at the end of a line or paragraph do
/// not belong to it; a whole file is taken as it is, less a byte-order mark. An empty file has no
/// document.
enum class TextDocuments : std::uint8_t { file, paragraph, line };
template <>
struct EnumNames<TextDocuments> {
  static constexpr std::array table{
      std::pair{TextDocuments::file, std::string_view("file")},
      std::pair{TextDocuments::paragraph, std::string_view("paragraph")},
      std::pair{TextDocuments::line, std::string_view("line")}};
};

/// Documents longer than this are encoded in pieces of at most so many bytes, cut before a space or
/// a line end where there is one in the last 64 KiB: no document is too long for the memory.
inline constexpr std::size_t longest_piece = 1U << 20U;

/// A line of JSON longer than this is refused: it is parsed whole.
inline constexpr std::size_t longest_json_line = 256U << 20U;

/// Where the first piece of `text` ends: text.size() when that is at most longest_piece.
std::size_t piece_end(std::string_view text);

/// A line of JSON, or a document of a text file, or a piece of one.
struct TextRecord {
  std::string text;
  TextFormat format = TextFormat::text;
  bool is_first = true;  // piece of its document
  bool is_last = true;
  std::uint64_t document_hash = 0;  // text only: XXH3-64 of the document's first piece
  std::int64_t file = 0;            // index in the list of files
  std::int64_t line = 0;            // JSON only: from 1
  std::int64_t offset = 0;          // text only: bytes of the uncompressed file before it
};

/// A place between two records: all that is needed to go on from there.
struct TextPosition {
  std::int64_t file = 0;
  std::int64_t offset = 0;  // bytes of (uncompressed) text before it
  std::int64_t line = 0;    // lines of JSON before it
  bool is_inside_document = false;
  std::uint64_t document_hash = 0;  // of the document it is inside of
};

/// Reads files one after the other and cuts them into records. Memory: a few MiB and the longest
/// line of JSON.
class TextReader {
 public:
  /// `from` is a place that an earlier reader of the same files had; the skipped part of that file
  /// is read again for its hash.
  TextReader(std::vector<TextFile> files, TextDocuments documents, const TextPosition& from = {});
  ~TextReader();
  TextReader(const TextReader&) = delete;
  TextReader& operator=(const TextReader&) = delete;

  /// False at the end of the last file. Fault::data, Fault::machine as TextInput.
  bool next(TextRecord& record);
  const TextPosition& position() const { return position_; }
  /// The files that were read to their end since construction, in order.
  const std::vector<TokenOrigin>& origins() const { return origins_; }
  /// Bytes read from disk, the files before `from` included.
  std::int64_t disk_bytes() const;

 private:
  bool open();
  void close();
  void fill(std::size_t bytes);
  std::string_view rest() const { return std::string_view(buffer_).substr(begin_); }
  void consume(std::size_t bytes);
  bool next_json(TextRecord& record);
  bool next_text(TextRecord& record);

  std::vector<TextFile> files_;
  TextDocuments documents_;
  TextPosition position_;
  std::unique_ptr<TextInput> input_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool is_at_end_ = false;  // of the open file: all of it is in the buffer
  std::vector<TokenOrigin> origins_;
  std::int64_t closed_bytes_ = 0;
};

}  // namespace mneme
