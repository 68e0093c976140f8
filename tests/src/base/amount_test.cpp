#include "base/amount.h"

#include <limits>

#include <gtest/gtest.h>

namespace mneme {
namespace {

TEST(Amount, Thousands) {
  EXPECT_EQ(thousands(0), "0");
  EXPECT_EQ(thousands(999), "999");
  EXPECT_EQ(thousands(1'000), "1,000");
  EXPECT_EQ(thousands(-123'456), "-123,456");
  EXPECT_EQ(thousands(138'748'000'000), "138,748,000,000");
}

TEST(Amount, Counted) {
  EXPECT_EQ(counted(1, "rank"), "1 rank");
  EXPECT_EQ(counted(0, "rank"), "0 ranks");
  EXPECT_EQ(counted(4096, "token"), "4,096 tokens");
  EXPECT_EQ(counted(1, "biography", "biographies"), "1 biography");
  EXPECT_EQ(counted(2, "biography", "biographies"), "2 biographies");
}

TEST(Amount, Bytes) {
  EXPECT_EQ(bytes_text(1), "1 byte");
  EXPECT_EQ(bytes_text(0), "0 bytes");
  EXPECT_EQ(bytes_text(1023), "1023 bytes");
  EXPECT_EQ(bytes_text(1024), "1.00 KiB");
  EXPECT_EQ(bytes_text(10'240), "10.0 KiB");
  EXPECT_EQ(bytes_text(1'048'575), "1.00 MiB");
  EXPECT_EQ(bytes_text(std::int64_t{3} << 40), "3.00 TiB");
}

TEST(Amount, Seconds) {
  EXPECT_EQ(seconds_text(0.84), "0.8 s");
  EXPECT_EQ(seconds_text(9.96), "10 s");
  EXPECT_EQ(seconds_text(59.7), "1 min 00 s");
  EXPECT_EQ(seconds_text(3599.9), "1 h 00 min");
  EXPECT_EQ(seconds_text(7500), "2 h 05 min");
  EXPECT_EQ(seconds_text(90 * 3600), "3 d 18 h");
  EXPECT_EQ(seconds_text(-1), "?");
  EXPECT_EQ(seconds_text(std::numeric_limits<double>::infinity()), "?");
}

TEST(Amount, ShortCount) {
  EXPECT_EQ(parameters_text(138'747'999'000), "138.748B");
  EXPECT_EQ(parameters_text(134'102'784), "134.1M");
  EXPECT_EQ(short_count(950), "950");
  EXPECT_EQ(short_count(999.7), "1.00K");
  EXPECT_EQ(short_count(12'345), "12.3K");
  EXPECT_EQ(short_count(134.1e6), "134M");
  EXPECT_EQ(short_count(138.748e9), "139B");
}

}  // namespace
}  // namespace mneme
