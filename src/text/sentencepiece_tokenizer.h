#pragma once

#include <array>
#include <memory>

#include "text/tokenizer.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace mneme {

/// A SentencePiece model (any kind its library reads), encoded by its library. Bytes that are not
/// UTF-8, and U+2581, which the library would turn into a space, go through the model's byte
/// tokens, so nothing is lost where the model has them.
class SentencePieceTokenizer final : public Tokenizer {
 public:
  /// `model`: the bytes of the file; `where` names it in errors. Fault::data unless it is a model
  /// with an EOS token.
  SentencePieceTokenizer(std::string model, const std::string& where);
  ~SentencePieceTokenizer() override;
  SentencePieceTokenizer(const SentencePieceTokenizer&) = delete;
  SentencePieceTokenizer& operator=(const SentencePieceTokenizer&) = delete;

  std::string_view kind() const override { return "sentencepiece"; }
  std::int32_t vocab_size() const override;
  std::int32_t eos() const override;
  std::optional<std::int32_t> unknown() const override;
  std::string_view model() const override { return model_; }
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::string decode(std::span<const std::int32_t> ids) const override;
  std::string piece(std::int32_t id) const override;

 private:
  void append_plain(std::string_view text, std::vector<std::int32_t>& ids) const;
  void append_bytes(std::string_view bytes, std::vector<std::int32_t>& ids) const;

  std::string model_;
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
  std::vector<std::string> bytes_of_;         // by id: what it decodes to
  std::array<std::int32_t, 256> byte_ids_{};  // the token of a byte, or unknown
  bool adds_space_ = false;                   // the model puts a space before each text
};

}  // namespace mneme
