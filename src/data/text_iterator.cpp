#include "data/text_iterator.h"

#include "text/utf8.h"

namespace mneme {

TextIterator::TextIterator(const TextSelection& selection)
    : reader_(list_text_files(selection.inputs).files, selection.documents),
      json_(selection.field) {
  total_ = list_text_files(selection.inputs).bytes();
}

bool TextIterator::next(std::string& text) {
  TextRecord record;
  while (reader_.next(record)) {
    replace_malformed_utf8(record.text);
    if (record.format == TextFormat::text) {
      text = std::move(record.text);
      return true;
    }
    if (json_.extract(record.text, text) == JsonText::Found::text) return true;
  }
  return false;
}

}  // namespace mneme
