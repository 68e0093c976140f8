#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mneme {

/// Text to token ids and back. Constant after construction: any number of threads may use one.
/// Ids are 0 .. vocab_size()-1. Text never encodes to eos(), so in a stream of tokens it marks the
/// end of a document and nothing else.
class Tokenizer {
 public:
  Tokenizer() = default;
  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// "sentencepiece" or "bytes".
  virtual std::string_view kind() const = 0;
  virtual std::int32_t vocab_size() const = 0;
  virtual std::int32_t eos() const = 0;
  /// What stands for text that has no token; none where every text has tokens.
  virtual std::optional<std::int32_t> unknown() const = 0;
  /// The bytes of the model file ("bytes": empty). make_tokenizer(kind(), model()) equals this one.
  virtual std::string_view model() const = 0;

  /// Any bytes, well-formed UTF-8 or not. With `bytes` and with models made by train_bpe,
  /// decode(encode(x)) == x for every x. O(n log n).
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
  /// The concatenation of the tokens' bytes, which may end inside a UTF-8 character
  /// (see utf8_complete_prefix). EOS and other control tokens have no bytes. Fault::data for an id
  /// outside the vocabulary.
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;
  /// A token for people: "▁the", "<0x0A>", "</s>".
  virtual std::string piece(std::int32_t id) const = 0;

  /// XXH3-64 of kind and model: two tokenizers with the same hash are the same.
  std::uint64_t hash() const;
};

/// "bytes", or the path of a SentencePiece model. Fault::user when there is no such file,
/// Fault::data when it is not a model.
std::unique_ptr<Tokenizer> load_tokenizer(const std::string& bytes_or_path);

/// From kind() and model(), as stored in token files and checkpoints. `where` names them in errors.
std::unique_ptr<Tokenizer> make_tokenizer(std::string_view kind,
                                          std::string model,
                                          const std::string& where);

}  // namespace mneme
