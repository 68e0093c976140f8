#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/json_text.h"
#include "data/text_reader.h"

namespace mneme {

/// What the texts of some inputs are.
struct TextSelection {
  std::vector<std::string> inputs;                // see list_text_files
  std::string field = "text";                     // of JSON lines: a key, or a JSON pointer
  TextDocuments documents = TextDocuments::file;  // of text files
};

/// The texts of some inputs one by one, for training a tokenizer: malformed UTF-8 is replaced,
/// JSON without the field or without sense is left out, long documents come in pieces.
class TextIterator {
 public:
  explicit TextIterator(const TextSelection& selection);
  bool next(std::string& text);
  std::int64_t disk_bytes() const { return reader_.disk_bytes(); }
  std::int64_t disk_bytes_total() const { return total_; }

 private:
  std::int64_t total_ = 0;
  TextReader reader_;
  JsonText json_;
};

}  // namespace mneme
