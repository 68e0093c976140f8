#include "config/number.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mneme {
namespace {

using testing::HasSubstr;

std::int64_t integer(std::string_view text) {
  const Scalar<WholeNumber> read = read_integer(text);
  EXPECT_TRUE(read.value.has_value()) << text << ": " << read.problem;
  return read.value->as<std::int64_t>().value();
}

double real(std::string_view text) {
  const Scalar<double> read = read_real(text);
  EXPECT_TRUE(read.value.has_value()) << text << ": " << read.problem;
  return read.value.value_or(std::nan(""));
}

TEST(Number, IntegersInEveryForm) {
  EXPECT_EQ(integer("0"), 0);
  EXPECT_EQ(integer("-0"), 0);
  EXPECT_EQ(integer("128000"), 128000);
  EXPECT_EQ(integer("128_000"), 128000);
  EXPECT_EQ(integer("+7"), 7);
  EXPECT_EQ(integer("-1_000"), -1000);
  EXPECT_EQ(integer("64K"), 64000);
  EXPECT_EQ(integer("0.5M"), 500000);
  EXPECT_EQ(integer("2.5B"), 2'500'000'000);
  EXPECT_EQ(integer("15T"), 15'000'000'000'000);
  EXPECT_EQ(integer("64Ki"), 65536);
  EXPECT_EQ(integer("4Mi"), 4 << 20);
  EXPECT_EQ(integer("1Gi"), 1 << 30);
  EXPECT_EQ(integer("1Ti"), std::int64_t{1} << 40);
  EXPECT_EQ(integer("0.5Ki"), 512);
  EXPECT_EQ(integer("0.0009765625Ki"), 1);
  EXPECT_EQ(integer("1e6"), 1'000'000);
  EXPECT_EQ(integer("1.5e3"), 1500);
  EXPECT_EQ(integer("2000e-3"), 2);
  EXPECT_EQ(integer("3.0"), 3);
  EXPECT_EQ(integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read_integer("18446744073709551615").value->as<std::uint64_t>(),
            std::numeric_limits<std::uint64_t>::max());
}

TEST(Number, IntegersThatDoNotFitTheirTypeAreNotWrapped) {
  EXPECT_EQ(read_integer("2147483648").value->as<int>(), std::nullopt);
  EXPECT_EQ(read_integer("-2147483648").value->as<int>(), std::numeric_limits<int>::min());
  EXPECT_EQ(read_integer("-1").value->as<std::uint64_t>(), std::nullopt);
  EXPECT_EQ(read_integer("9223372036854775808").value->as<std::int64_t>(), std::nullopt);
  EXPECT_EQ(read_integer("-9223372036854775809").value->as<std::int64_t>(), std::nullopt);
  EXPECT_EQ(read_integer("18446744073709551616").problem, "must fit into 64 bits");
  EXPECT_EQ(read_integer("1e30").problem, "must fit into 64 bits");
  EXPECT_EQ(read_integer("1e999999999999").problem, "must fit into 64 bits");
  EXPECT_EQ(read_integer("20000000Ti").problem, "must fit into 64 bits");
}

TEST(Number, IntegersRefuseFractions) {
  for (const char* text : {"0.5", "1e-1", "1.0001K", "0.3Ki", "1e-999999999"}) {
    EXPECT_EQ(read_integer(text).problem, "must be an integer") << text;
  }
}

TEST(Number, RealNumbersAreRoundedOnce) {
  EXPECT_EQ(real("3e-4"), 3e-4);
  EXPECT_EQ(real("3E-4"), 3e-4);
  EXPECT_EQ(real("128_000.25"), 128000.25);
  EXPECT_EQ(real(".5"), 0.5);
  EXPECT_EQ(real("5."), 5.0);
  EXPECT_EQ(real("0.3M"), 3e5);  // 0.3 * 1e6 would be rounded twice
  EXPECT_EQ(real("1.1K"), 1100.0);
  EXPECT_EQ(real("0.1Ki"), 0.1 * 1024);
  EXPECT_EQ(real("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(real("5e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(real("1.7976931348623157e+308"), std::numeric_limits<double>::max());
  EXPECT_TRUE(std::signbit(real("-0")));
}

TEST(Number, AmbiguousFormsAreRefusedWithTheirReason) {
  const auto why = [](std::string_view text) {
    std::string problem = read_real(text).problem;
    EXPECT_EQ(read_integer(text).problem, problem) << text;
    return problem;
  };
  EXPECT_EQ(why("0123"),
            "must not start with a zero, which other readers take for an octal number");
  EXPECT_EQ(why("-007"),
            "must not start with a zero, which other readers take for an octal number");
  EXPECT_EQ(why("0x10"), "must be a decimal number");
  EXPECT_EQ(why("0o17"), "must be a decimal number");
  EXPECT_EQ(why("0b1"), "must be a decimal number");
  EXPECT_EQ(why("1,000"), "must be written without commas, such as 1_000");
  EXPECT_EQ(why("64k"),
            "'k' is not a suffix: K, M, B, T are powers of ten and Ki, Mi, Gi, Ti powers of two");
  EXPECT_EQ(why("1G"),
            "'G' is not a suffix: K, M, B, T are powers of ten and Ki, Mi, Gi, Ti powers of two");
  EXPECT_EQ(why("1e3K"), "has an exponent and the suffix K: use one of them");
  for (const char* text : {".nan", "nan", "NaN", ".inf", "-.inf", "inf", "Infinity", "-inf"}) {
    EXPECT_EQ(why(text), "must be a finite number") << text;
  }
  for (const char* text :
       {"",    "-",   ".",     "_1", "1_",   "1__0", "1_.5", "e5",  "1e",  "1e+",
        "--1", "+-1", "1 000", " 1", "fast", "1:30", "1/2",  "1KB", "1 K", "true"}) {
    EXPECT_THAT(why(text), HasSubstr("must be a number")) << text;
  }
  EXPECT_EQ(read_real("1e309").problem, "must fit into a 64-bit floating-point number");
  EXPECT_EQ(read_real("1e-400").problem, "must fit into a 64-bit floating-point number");
  EXPECT_EQ(read_real("1.7976931348623157e307K").problem,
            "has an exponent and the suffix K: use one of them");
}

TEST(Number, RealTextReadsBackToTheSameBits) {
  for (const double v :
       {0.1, 1.0 / 3, 3e-4, 1e22, 5e-324, 1.7976931348623157e308, -2.5, 123456789.0, -0.0}) {
    const double back = real(real_text(v));
    EXPECT_EQ(back, v);
    EXPECT_EQ(std::signbit(back), std::signbit(v));
  }
}

TEST(DurationText, UnitsAddUp) {
  const auto seconds = [](std::string_view text) {
    const Scalar<Duration> read = read_duration(text);
    EXPECT_TRUE(read.value.has_value()) << text << ": " << read.problem;
    return read.value.value_or(Duration{-1}).seconds;
  };
  EXPECT_EQ(seconds("90s"), 90);
  EXPECT_EQ(seconds("2h30m"), 9000);
  EXPECT_EQ(seconds("1d12h"), 129600);
  EXPECT_EQ(seconds("1.5h"), 5400);
  EXPECT_EQ(seconds("250ms"), 0.25);
  EXPECT_EQ(seconds("1m500ms"), 60.5);
  EXPECT_EQ(seconds("0s"), 0);
  EXPECT_EQ(seconds("1e-7s"), 1e-7);
}

TEST(DurationText, RefusesBareNumbersWrongOrdersAndRepeats) {
  EXPECT_EQ(read_duration("90").problem,
            "must be a duration such as 90s, 2h30m or 1.5h: the unit is missing");
  for (const char* text : {"", "h", "30m2h", "1h1h", "2h30", "-5s", "2 h", "5y", "1h 2m", "s5"}) {
    EXPECT_EQ(read_duration(text).problem, "must be a duration such as 90s, 2h30m or 1.5h") << text;
  }
}

TEST(DurationText, ReadsBackToTheSameBits) {
  EXPECT_EQ(duration_text(Duration{9000}), "2h30m");
  EXPECT_EQ(duration_text(Duration{86401}), "1d1s");
  EXPECT_EQ(duration_text(Duration{0.25}), "0.25s");
  for (const double v : {0.0, 1.0, 59.0, 3600.0, 86399.0, 0.1, 1e-9, 12345.678, 1e20}) {
    EXPECT_EQ(read_duration(duration_text(Duration{v})).value, Duration{v}) << v;
  }
}

TEST(NeverText, WordsThatSomeYamlReaderTakesForAnotherType) {
  for (const char* text : {"",     "2024", "-5",   "3e-4", "1_000", "0.5M",  "64Ki", "007",
                           "0x1f", "0o17", ".inf", "nan",  "1:30",  "1,000", "true", "False",
                           "yes",  "NO",   "on",   "off",  "null",  "~",     "Null"}) {
    EXPECT_TRUE(is_never_text(text)) << text;
  }
  for (const char* text : {"run", "y", "run2", "2h30m", "1.2.3", "2024-01-01", "134m_dense", "none",
                           "-", "a,b", "yess", "e5"}) {
    EXPECT_FALSE(is_never_text(text)) << text;
  }
}

}  // namespace
}  // namespace mneme
