#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mneme {

/// XXH3-64 of bytes: the checksum of files, datasets and token streams, and the key of names.
std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0);
std::uint64_t hash64(std::string_view text, std::uint64_t seed = 0);

/// CRC-32C (Castagnoli), the checksum of event files and other records.
std::uint32_t crc32c(std::span<const std::byte> bytes);

/// Sixteen lower-case hexadecimal digits.
std::string hex(std::uint64_t value);

/// XXH3-64 of bytes that arrive in pieces; the result equals hash64 of the whole.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void add(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mneme
