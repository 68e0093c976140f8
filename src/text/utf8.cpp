#include "text/utf8.h"

#include <algorithm>

namespace mneme {
namespace {

struct Form {
  std::size_t length = 0;  // bytes of the character; 0: not a first byte
  unsigned char second_low = 0x80;
  unsigned char second_high = 0xBF;
};

/// Table 3-7 of the Unicode standard: what may follow a first byte.
Form form_of(unsigned char first) {
  if (first < 0x80) return {1};
  if (first >= 0xC2 && first <= 0xDF) return {2};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first >= 0xE1 && first <= 0xEF) return {3};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first >= 0xF1 && first <= 0xF3) return {4};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

/// How many bytes of `text` agree with `form`, at most form.length.
std::size_t agreeing_bytes(std::string_view text, const Form& form) {
  const std::size_t n = std::min(form.length, text.size());
  for (std::size_t i = 1; i < n; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned char low = i == 1 ? form.second_low : 0x80;
    const unsigned char high = i == 1 ? form.second_high : 0xBF;
    if (byte < low || byte > high) return i;
  }
  return n;
}

}  // namespace

std::size_t utf8_character(std::string_view text) {
  if (text.empty()) return 0;
  const Form form = form_of(static_cast<unsigned char>(text.front()));
  return form.length > 0 && agreeing_bytes(text, form) == form.length ? form.length : 0;
}

std::size_t utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t n = utf8_character(text.substr(at));
    if (n == 0) break;
    at += n;
  }
  return at;
}

std::size_t utf8_complete_prefix(std::string_view text) {
  for (std::size_t tail = 1; tail <= std::min<std::size_t>(3, text.size()); ++tail) {
    const std::string_view end = text.substr(text.size() - tail);
    const Form form = form_of(static_cast<unsigned char>(end.front()));
    if (form.length > tail && agreeing_bytes(end, form) == tail) return text.size() - tail;
    if (form.length > 0) break;
  }
  return text.size();
}

std::int64_t replace_malformed_utf8(std::string& text) {
  std::size_t at = utf8_prefix(text);
  if (at == text.size()) return 0;
  std::int64_t replaced = 0;
  std::string mended = text.substr(0, at);
  while (at < text.size()) {
    mended += "\xEF\xBF\xBD";
    ++replaced;
    ++at;
    const std::size_t good = utf8_prefix(std::string_view(text).substr(at));
    mended.append(text, at, good);
    at += good;
  }
  text = std::move(mended);
  return replaced;
}

}  // namespace mneme
