#include "text/tokenizer.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/check.h"
#include "base/philox.h"
#include "text/bpe_train.h"
#include "text/utf8.h"

namespace mneme {
namespace {

using testing::HasSubstr;

/// Some thousand sentences over a small vocabulary, the same in each run.
std::string sample_text(std::int64_t i) {
  static constexpr std::array words = {"the",   "whale", "ran",  "into",  "a",   "green", "harbour",
                                       "under", "seven", "cold", "stars", "été", "naïve", "1984"};
  const Philox random(1, "sample");
  std::string text;
  for (std::uint64_t w = 0; w < 12; ++w) {
    if (w > 0) text += ' ';
    text += words[random.word(static_cast<std::uint64_t>(i), w) % words.size()];
  }
  return text + ".\n";
}

NextText sample_texts(std::int64_t count) {
  return [i = std::int64_t{0}, count](std::string& text) mutable {
    if (i == count) return false;
    text = sample_text(i++);
    return true;
  };
}

const std::string& trained_model() {
  static const std::string model = train_bpe({.vocab_size = 330}, sample_texts(2000));
  return model;
}

void expect_error(Fault fault, const std::string& part, const std::function<void()>& call) {
  try {
    call();
    FAIL() << "no error; wanted one with: " << part;
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.what();
    EXPECT_THAT(e.what(), HasSubstr(part));
  }
}

class EachKind : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Tokenizer> tokenizer_ =
      make_tokenizer(GetParam(), GetParam() == "bytes" ? "" : trained_model(), "the test");
};
INSTANTIATE_TEST_SUITE_P(Tokenizer, EachKind, testing::Values("bytes", "sentencepiece"));

TEST_P(EachKind, DecodesWhatItEncodedForOddTexts) {
  const std::string all_bytes = [] {
    std::string s;
    for (int c = 0; c < 256; ++c) s += static_cast<char>(c);
    return s;
  }();
  for (const std::string& text :
       {std::string(), std::string(" "), std::string("   a  b \n\n\t c "), std::string("the whale"),
        std::string("\xE2\x96\x81 mark"), std::string("日本語 🐋 e\u0301"), std::string("a\0b", 3),
        std::string("<s></s><unk><0x0A>"), std::string("▅ ⁇ "),
        std::string("\xEF\xBB\xBF"
                    "bom"),
        all_bytes}) {
    EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(text)), text);
  }
}

TEST_P(EachKind, DecodesWhatItEncodedForRandomBytesAndCharacters) {
  const Philox random(7, "round trip");
  for (std::uint64_t i = 0; i < 500; ++i) {
    std::string text;
    for (std::uint64_t c = 0; c < 40; ++c) {
      const std::uint32_t word = random.word(i, c);
      if (i % 2 == 0) text += static_cast<char>(word & 0xFFU);
      if (i % 2 == 1) text += sample_text(static_cast<std::int64_t>(i)).substr(word % 20, word % 7);
    }
    ASSERT_EQ(tokenizer_->decode(tokenizer_->encode(text)), text) << i;
  }
}

TEST_P(EachKind, NeverEncodesTextAsEosAndStaysInsideTheVocabulary) {
  for (const std::int32_t id : tokenizer_->encode("</s> the whale ▁ \xFF")) {
    EXPECT_NE(id, tokenizer_->eos());
    EXPECT_TRUE(id >= 0 && id < tokenizer_->vocab_size());
  }
  const std::vector<std::int32_t> eos = {tokenizer_->eos()};
  EXPECT_EQ(tokenizer_->decode(eos), "");
  const std::vector<std::int32_t> outside = {tokenizer_->vocab_size()};
  EXPECT_THROW(tokenizer_->decode(outside), Error);
}

TEST(Bpe, MergesFrequentWordsAndSplitsDigits) {
  const auto tokenizer = make_tokenizer("sentencepiece", trained_model(), "the test");
  EXPECT_EQ(tokenizer->vocab_size(), 330);
  EXPECT_EQ(tokenizer->eos(), 2);
  EXPECT_LE(tokenizer->encode("a whale under seven stars").size(), 10U);
  EXPECT_GE(tokenizer->encode("1984").size(), 4U);
}

TEST(Bpe, TheSameTextsGiveTheSameModel) {
  EXPECT_EQ(train_bpe({.vocab_size = 330}, sample_texts(2000)), trained_model());
  EXPECT_NE(train_bpe({.vocab_size = 331}, sample_texts(2000)), trained_model());
}

TEST(Bpe, LongLinesAreCutAndUsed) {
  std::string one_line;
  for (std::int64_t i = 0; i < 500; ++i) {
    one_line += sample_text(i);
    one_line.back() = ' ';
  }
  bool given = false;
  const std::string model = train_bpe({.vocab_size = 300}, [&](std::string& text) {
    text = one_line;
    return !std::exchange(given, true);
  });
  EXPECT_EQ(make_tokenizer("sentencepiece", model, "the test")->vocab_size(), 300);
}

TEST(Bpe, ErrorsOfTheTextSourceComeThrough) {
  int calls = 0;
  expect_error(Fault::machine, "the disk is gone", [&] {
    train_bpe({.vocab_size = 300}, [&](std::string& text) -> bool {
      text = "some text\n";
      require(++calls < 3, Fault::machine, "the disk is gone");
      return true;
    });
  });
}

TEST(Bpe, SaysWhatIsWrongWithTheInput) {
  expect_error(Fault::data, "no text to train",
               [] { train_bpe({}, [](std::string&) { return false; }); });
  expect_error(Fault::user, "vocab_size = 100 is too small",
               [] { train_bpe({.vocab_size = 100}, sample_texts(1)); });
  expect_error(Fault::data, "fewer pieces",
               [] { train_bpe({.vocab_size = 9000}, sample_texts(3)); });
}

TEST(LoadTokenizer, MissingAndCorruptFilesAreNamed) {
  expect_error(Fault::user, "there is no tokenizer file 'no/such.model'",
               [] { load_tokenizer("no/such.model"); });
  const auto path = std::filesystem::temp_directory_path() /
                    ("mneme_tokenizer_" + std::to_string(::getpid()) + ".model");
  std::ofstream(path, std::ios::binary) << trained_model();
  EXPECT_EQ(load_tokenizer(path)->hash(),
            make_tokenizer("sentencepiece", trained_model(), "")->hash());
  std::ofstream(path, std::ios::binary) << "not a model";
  expect_error(Fault::data, "is not a SentencePiece model", [&] { load_tokenizer(path); });
  std::ofstream(path, std::ios::binary | std::ios::trunc);
  expect_error(Fault::data, "is not a SentencePiece model (0 bytes", [&] { load_tokenizer(path); });
  std::filesystem::remove(path);
  EXPECT_NE(load_tokenizer("bytes")->hash(),
            make_tokenizer("sentencepiece", trained_model(), "")->hash());
}

TEST(Utf8, AcceptsExactlyTheWellFormedForms) {
  EXPECT_EQ(utf8_character("a"), 1U);
  EXPECT_EQ(utf8_character("\xC3\xA9"), 2U);
  EXPECT_EQ(utf8_character("\xF4\x8F\xBF\xBF"), 4U);
  for (const char* bad : {"", "\x80", "\xC0\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xC3", "\xF0\x9F\x90"}) {
    EXPECT_EQ(utf8_character(bad), 0U) << bad;
  }
}

TEST(Utf8, ReplacesAndCountsMalformedBytesAndFindsOpenEnds) {
  std::string text =
      "a\xFF"
      "b\xC3\xA9\xC3";
  EXPECT_EQ(utf8_complete_prefix(text), text.size() - 1);
  EXPECT_EQ(replace_malformed_utf8(text), 2);
  EXPECT_EQ(text,
            "a\xEF\xBF\xBD"
            "b\xC3\xA9\xEF\xBF\xBD");
  EXPECT_EQ(utf8_complete_prefix(text), text.size());
  EXPECT_EQ(utf8_complete_prefix("x\xF0\x9F\x90"), 1U);
}

}  // namespace
}  // namespace mneme
