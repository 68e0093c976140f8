#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/token_file_writer.h"
#include "text/tokenizer.h"

namespace mneme {

/// Writes a token file: the documents' tokens, each followed by EOS.
inline void write_token_file(const std::filesystem::path& path,
                             const std::vector<std::vector<std::int32_t>>& documents,
                             const Tokenizer& tokenizer) {
  std::vector<std::uint16_t> tokens;
  std::vector<std::uint64_t> offsets = {0};
  std::int64_t text_bytes = 0;
  for (const auto& document : documents) {
    for (const std::int32_t id : document) tokens.push_back(static_cast<std::uint16_t>(id));
    tokens.push_back(static_cast<std::uint16_t>(tokenizer.eos()));
    offsets.push_back(tokens.size());
    text_bytes += std::ssize(tokenizer.decode(document));
  }
  TokenFileInfo info;
  info.tokenizer_kind = tokenizer.kind();
  info.tokenizer_model = tokenizer.model();
  info.tokenizer_hash = tokenizer.hash();
  info.vocab_size = tokenizer.vocab_size();
  info.eos = tokenizer.eos();
  info.tokens = std::ssize(tokens);
  info.documents = std::ssize(documents);
  info.text_bytes = text_bytes;
  info.sources = {{"made by a test", text_bytes, 1}};
  TokenFileWriter writer(path, info);
  writer.append_tokens(std::as_bytes(std::span(tokens)));
  writer.append_offsets(offsets);
  writer.commit();
}

/// The same with the byte tokenizer, whose EOS is 256.
inline void write_token_file(const std::filesystem::path& path,
                             const std::vector<std::vector<std::int32_t>>& documents) {
  write_token_file(path, documents, *load_tokenizer("bytes"));
}

/// The bytes of `text` as tokens.
inline std::vector<std::int32_t> byte_tokens(const std::string& text) {
  return load_tokenizer("bytes")->encode(text);
}

}  // namespace mneme
