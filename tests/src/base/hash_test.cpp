#include "base/hash.h"

#include <string>

#include <gtest/gtest.h>

namespace mneme {
namespace {

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(Hash, Crc32cIsTheCastagnoliOne) {
  EXPECT_EQ(crc32c(bytes("123456789")),
            0xE3069283U);  // the check value of the polynomial's definition
}

TEST(Hash, PiecesHashLikeTheWhole) {
  const std::string text = "one stream of bytes";
  Hasher hasher;
  hasher.add(bytes(text.substr(0, 5)));
  hasher.add(bytes(text.substr(5)));
  EXPECT_EQ(hasher.value(), hash64(text));
  EXPECT_EQ(hex(255), "00000000000000ff");
}

}  // namespace
}  // namespace mneme
