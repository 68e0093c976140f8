#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/token_file.h"

namespace mneme {

/// One or more token files, one after the other, as one stream of tokens cut into samples: sample i
/// holds the stream's tokens i*S .. i*S + S, so neighbours overlap by one and every token but the
/// first is a target exactly once. Any number of threads may read.
class TokenStream {
 public:
  /// Fault::user: no files, or fewer than two tokens in all. Fault::data: the files were made with
  /// different tokenizers.
  explicit TokenStream(const std::vector<std::filesystem::path>& paths);

  std::int64_t tokens() const { return starts_.back(); }
  /// ceil((tokens - 1) / S)
  std::int64_t samples(std::int64_t sequence) const;
  /// Tokens first .. first + out.size() - 1.
  void read(std::int64_t first, std::span<std::int32_t> out) const;

  std::int64_t documents() const;
  /// Of the text the tokens were made from: for bits per byte.
  std::int64_t text_bytes() const;
  /// Tokenizer, vocabulary and EOS, which all files share.
  const TokenFileInfo& info() const { return files_.front().info(); }
  std::span<const TokenFile> files() const { return files_; }

 private:
  std::vector<TokenFile> files_;
  std::vector<std::int64_t> starts_;  // of each file in the stream; the last is the end
};

}  // namespace mneme
