#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/math.h"
#include "data/token_format.h"
#include "text/tokenizer.h"

namespace mneme {

/// A token file open for reading. HDF5 is asked only when it is opened; tokens are then read from
/// the file directly, so that nothing waits for HDF5's lock. Any number of threads may read.
/// Each block of TokenFileInfo::chunk tokens is compared with its checksum the first time something
/// in it is read: a damaged block never reaches training, and opening stays cheap.
class TokenFile {
 public:
  /// Checks structure and sizes. Fault::user: no such file; Fault::data: not a token file, another
  /// version, cut short, or a damaged header.
  explicit TokenFile(const std::filesystem::path& path);
  ~TokenFile();
  TokenFile(TokenFile&&) noexcept;
  TokenFile& operator=(TokenFile&&) = delete;
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;

  const std::filesystem::path& path() const;
  const TokenFileInfo& info() const;
  std::int64_t tokens() const { return info().tokens; }

  /// Tokens first .. first + out.size() - 1 as ids. Fault::data: a checksum does not match (file,
  /// block, wanted and found are named), an id outside the vocabulary, or a file cut short.
  void read(std::int64_t first, std::span<std::int32_t> out) const;

  /// The tokens of document `index`, its EOS included.
  Range document(std::int64_t index) const;
  /// The document that token `token` belongs to. O(log documents) reads.
  std::int64_t document_of(std::int64_t token) const;

  /// Reads everything and compares it with the checksums; `progress` gets tokens done. Fault::data
  /// names the first damaged block.
  void verify(const std::function<void(std::int64_t)>& progress = {}) const;

  /// The tokenizer that made the tokens.
  std::unique_ptr<Tokenizer> tokenizer() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mneme
