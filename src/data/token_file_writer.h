#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "data/token_format.h"

namespace mneme {

/// Writes a token file whose size is known: at first `path`.partial, which becomes `path` in
/// commit(). Without commit() nothing is left behind. The bytes of the file depend on what is
/// given here alone. Fault::machine when the disk is full or cannot be written.
class TokenFileWriter {
 public:
  /// `info` with tokens, documents, text_bytes and sources filled in; content_hash is computed.
  TokenFileWriter(std::filesystem::path path, TokenFileInfo info);
  ~TokenFileWriter();
  TokenFileWriter(const TokenFileWriter&) = delete;
  TokenFileWriter& operator=(const TokenFileWriter&) = delete;

  /// The next tokens as stored: little-endian, info.token_bytes() bytes each.
  void append_tokens(std::span<const std::byte> tokens);
  /// The next document offsets, as indices into the tokens: documents + 1 in all, from 0 to tokens.
  void append_offsets(std::span<const std::uint64_t> offsets);
  /// Fault::bug unless all tokens and offsets have come.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mneme
