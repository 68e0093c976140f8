#pragma once

#include <array>

#include "text/tokenizer.h"

namespace mneme {

/// One token per byte: ids 0 to 255 are the bytes, 256 is EOS. Needs no file and no training.
class ByteTokenizer final : public Tokenizer {
 public:
  std::string_view kind() const override { return "bytes"; }
  std::int32_t vocab_size() const override { return 257; }
  std::int32_t eos() const override { return 256; }
  std::optional<std::int32_t> unknown() const override { return std::nullopt; }
  std::string_view model() const override { return {}; }
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::string decode(std::span<const std::int32_t> ids) const override;
  std::string piece(std::int32_t id) const override;
};

}  // namespace mneme
