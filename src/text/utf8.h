#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mneme {

/// Bytes of the well-formed UTF-8 character that `text` begins with: 1 to 4, or 0 where there is
/// none (RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF). Empty text: 0.
std::size_t utf8_character(std::string_view text);

/// The longest prefix of `text` that is well-formed UTF-8, in bytes.
std::size_t utf8_prefix(std::string_view text);

/// The longest prefix of `text` that does not end inside a character, in bytes: what a stream may
/// print now. Malformed bytes count as complete.
std::size_t utf8_complete_prefix(std::string_view text);

/// Replaces each malformed byte by U+FFFD; returns how many there were.
std::int64_t replace_malformed_utf8(std::string& text);

}  // namespace mneme
