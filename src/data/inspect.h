#pragma once

#include <cstdint>
#include <string>

#include "data/token_file.h"

namespace mneme {

/// What a token file is, in lines for people: tokenizer, counts, bytes per token, sources.
std::string describe_token_file(const TokenFile& file);

/// The text of up to `count` tokens from token `at` on, document by document, each with its number
/// and place. Fault::user when `at` is outside the file.
std::string inspect_tokens(const TokenFile& file, std::int64_t at, std::int64_t count);

}  // namespace mneme
