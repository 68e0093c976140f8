#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/token_format.h"

namespace mneme {

/// A token file's header, and where its large arrays lie in the file.
struct TokenHeader {
  TokenFileInfo info;
  std::int64_t tokens_at = 0;            // byte
  std::int64_t offsets_at = 0;           // byte; u64 (documents + 1)
  std::uint64_t offsets_checksum = 0;    // XXH3-64 of the document offsets
  std::vector<std::uint64_t> checksums;  // XXH3-64 of each chunk of tokens
};

/// Reads and checks the header; errors as TokenFile's constructor.
TokenHeader read_token_header(const std::filesystem::path& path);

}  // namespace mneme
