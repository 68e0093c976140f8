#include "text/byte_tokenizer.h"

#include "base/check.h"

namespace mneme {

std::vector<std::int32_t> ByteTokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  ids.reserve(text.size());
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

std::string ByteTokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  text.reserve(ids.size());
  for (const std::int32_t id : ids) {
    require(id >= 0 && id < vocab_size(), Fault::data,
            "token id {} is outside the vocabulary of the byte tokenizer, which has {} tokens", id,
            vocab_size());
    if (id != eos()) text += static_cast<char>(static_cast<unsigned char>(id));
  }
  return text;
}

std::string ByteTokenizer::piece(std::int32_t id) const {
  if (id == eos()) return "</s>";
  if (id > 0x20 && id < 0x7F) return decode({&id, 1});
  return fmt::format("<0x{:02X}>", id);
}

}  // namespace mneme
