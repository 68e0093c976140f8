#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mneme {

// Numbers for people, in tables, progress lines and messages. Never read back by a program.

/// "1,234,567"
std::string thousands(std::int64_t count);

/// "1 rank", "4,096 tokens", "2 biographies" with the plural named, which
/// may go on: counted(n, "rank has", "ranks have").
std::string counted(std::int64_t count, std::string_view noun, std::string_view plural = {});

/// "812 bytes", "3.4 KiB", "1.25 GiB": three digits, in powers of 1024.
std::string bytes_text(std::int64_t bytes);

/// "0.8 s", "42 s", "3 min 07 s", "2 h 05 min", "4 d 03 h". Negative or not finite: "?".
std::string seconds_text(double seconds);

/// "134.1M", "138.748B": numbers of parameters as the tables of papers write them.
std::string parameters_text(std::int64_t count);

/// "950", "12.3K", "4.56M", "7.89B": three digits, in powers of 1000, as configs write them.
std::string short_count(double count);

}  // namespace mneme
