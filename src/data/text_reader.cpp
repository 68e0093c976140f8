#include "data/text_reader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"

namespace mneme {
namespace {

constexpr std::size_t look_back =
    std::size_t{64} * 1024;  // bytes in which a piece's end looks for a space
constexpr std::size_t fill_step = std::size_t{256} * 1024;  // bytes
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/// An end of a document in `text`: its text ends at `end`, the next begins at or after `next`.
struct Border {
  std::size_t end = std::string_view::npos;
  std::size_t next = std::string_view::npos;
};

Border find_border(std::string_view text, TextDocuments documents) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    if (documents == TextDocuments::line) return {at, at + 1};
    std::size_t after = at + 1;
    while (after < text.size() && is_blank(text[after])) ++after;
    if (after < text.size() && text[after] == '\n') return {at, after + 1};
  }
  return {};
}

/// Bytes of blank lines that `text` begins with.
std::size_t leading_blank_lines(std::string_view text) {
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n') {
      lines = at + 1;
    } else if (!is_blank(text[at])) {
      break;
    }
  }
  return lines;
}

}  // namespace

std::size_t piece_end(std::string_view text) {
  if (text.size() <= longest_piece) return text.size();
  for (std::size_t at = longest_piece; at > longest_piece - look_back; --at) {
    const bool is_space = text[at] == ' ' || text[at] == '\n';
    if (is_space && text[at - 1] != ' ' && text[at - 1] != '\n') return at;
  }
  std::size_t at = longest_piece;
  while (at > longest_piece - 4 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
  return at;
}

TextReader::TextReader(std::vector<TextFile> files,
                       TextDocuments documents,
                       const TextPosition& from)
    : files_(std::move(files)), documents_(documents), position_(from) {
  for (std::int64_t f = 0; f < from.file; ++f) closed_bytes_ += files_.at(size_of(f)).bytes;
}

TextReader::~TextReader() = default;

std::int64_t TextReader::disk_bytes() const {
  return closed_bytes_ + (input_ ? input_->disk_bytes() : 0);
}

bool TextReader::open() {
  if (position_.file == std::ssize(files_)) return false;
  input_ = std::make_unique<TextInput>(files_[size_of(position_.file)]);
  input_->skip(position_.offset);
  buffer_.clear();
  begin_ = 0;
  is_at_end_ = false;
  if (position_.offset == 0) {
    fill(byte_order_mark.size());
    if (rest().starts_with(byte_order_mark)) consume(byte_order_mark.size());
  }
  return true;
}

void TextReader::close() {
  origins_.push_back(input_->origin());
  closed_bytes_ += input_->disk_bytes();
  input_.reset();
  position_ = {.file = position_.file + 1};
}

/// Makes rest() at least `bytes` long, if the file has as much.
void TextReader::fill(std::size_t bytes) {
  while (!is_at_end_ && rest().size() < bytes) {
    if (begin_ > 0) {
      buffer_.erase(0, begin_);
      begin_ = 0;
    }
    const std::size_t old = buffer_.size();
    const std::size_t step =
        std::max(fill_step, old);  // grows geometrically: long lines stay linear
    buffer_.resize(old + step);
    const std::size_t n = input_->read(std::span(buffer_).subspan(old));
    buffer_.resize(old + n);
    is_at_end_ = n == 0;
  }
}

void TextReader::consume(std::size_t bytes) {
  begin_ += bytes;
  position_.offset += static_cast<std::int64_t>(bytes);
}

bool TextReader::next(TextRecord& record) {
  while (input_ || open()) {
    const TextFormat format = files_[size_of(position_.file)].format;
    record = {};
    record.format = format;
    record.file = position_.file;
    if (format == TextFormat::json_lines ? next_json(record) : next_text(record)) return true;
    close();
  }
  return false;
}

bool TextReader::next_json(TextRecord& record) {
  while (true) {
    fill(1);
    std::size_t end = rest().find('\n');
    while (end == std::string_view::npos && !is_at_end_) {
      const std::size_t searched = rest().size();
      require(searched <= longest_json_line, Fault::data,
              "'{}' line {} is longer than {} bytes: is the file JSON lines?",
              files_[size_of(position_.file)].path.string(), position_.line + 1, longest_json_line);
      fill(searched + 1);
      end = rest().find('\n', searched);
    }
    if (rest().empty()) return false;
    const std::string_view line = rest().substr(0, end);
    record.text = line;
    record.line = ++position_.line;
    consume(std::min(rest().size(), line.size() + 1));
    if (!std::all_of(record.text.begin(), record.text.end(), is_blank)) return true;
  }
}

bool TextReader::next_text(TextRecord& record) {
  fill(longest_piece + look_back);
  if (documents_ == TextDocuments::paragraph && !position_.is_inside_document) {
    for (std::size_t blank = leading_blank_lines(rest()); blank > 0;
         blank = leading_blank_lines(rest())) {
      consume(blank);
      fill(longest_piece + look_back);
    }
  }
  if (rest().empty() && !position_.is_inside_document) return false;
  Border border;
  if (documents_ != TextDocuments::file) border = find_border(rest(), documents_);
  if (border.end > longest_piece) border = {};
  const bool is_cut = border.end == std::string_view::npos && rest().size() > longest_piece;
  if (border.end == std::string_view::npos) {
    border.end = border.next = is_cut ? piece_end(rest()) : rest().size();
    const bool has_line_end =
        !is_cut && documents_ != TextDocuments::file && rest().ends_with('\n');
    if (has_line_end) --border.end;
  }
  record.offset = position_.offset;
  record.text = rest().substr(0, border.end);
  const bool has_return =
      !is_cut && documents_ != TextDocuments::file && record.text.ends_with('\r');
  if (has_return) record.text.pop_back();
  record.is_first = !position_.is_inside_document;
  record.is_last = !is_cut;
  if (record.is_first) position_.document_hash = hash64(record.text);
  record.document_hash = position_.document_hash;
  position_.is_inside_document = is_cut;
  consume(border.next);
  return true;
}

}  // namespace mneme
