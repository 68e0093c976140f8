#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mneme {

/// An input file that went into a token file.
struct TokenOrigin {
  std::string name;        // as given
  std::int64_t bytes = 0;  // of the file as it lies on the disk
  std::uint64_t hash = 0;  // XXH3-64 of those bytes
  friend bool operator==(const TokenOrigin&, const TokenOrigin&) = default;
};

/// What a token file says about itself (docs/token_format.md has the layout on disk).
struct TokenFileInfo {
  static constexpr std::int64_t version = 1;                      // of the format, in this build
  static constexpr std::int64_t chunk = std::int64_t{64} * 1024;  // tokens per checksum

  std::string tokenizer_kind;
  std::string tokenizer_model;  // bytes of its file; "bytes" has none
  std::uint64_t tokenizer_hash = 0;
  std::int32_t vocab_size = 0;
  std::int32_t eos = 0;
  std::int64_t tokens = 0;  // with one EOS per document
  std::int64_t documents = 0;
  std::int64_t text_bytes = 0;     // of the text that was encoded, UTF-8
  std::uint64_t content_hash = 0;  // of all checksums: equal content, equal hash
  std::vector<TokenOrigin> sources;

  /// Bytes of a stored token: 2 when every id fits 16 bits, else 4.
  std::int64_t token_bytes() const { return vocab_size <= 65'536 ? 2 : 4; }
};

}  // namespace mneme
