#include "data/token_file.h"

#include <chrono>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "base/philox.h"
#include "base/text_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "support/token_files.h"

namespace mneme {
namespace {

/// 300 documents of 0 to 999 random bytes: more than two chunks of tokens.
std::vector<std::vector<std::int32_t>> random_documents() {
  const Philox random(3, "documents");
  std::vector<std::vector<std::int32_t>> documents(300);
  for (std::uint64_t d = 0; d < documents.size(); ++d) {
    documents[d].resize(random.word(d, 0) % 1000);
    for (std::uint64_t i = 0; i < documents[d].size(); ++i) {
      documents[d][i] = static_cast<std::int32_t>(random.word(d, i + 1) % 256);
    }
  }
  return documents;
}

std::vector<std::int32_t> flat(const std::vector<std::vector<std::int32_t>>& documents) {
  std::vector<std::int32_t> all;
  for (const auto& d : documents) {
    all.insert(all.end(), d.begin(), d.end());
    all.push_back(256);
  }
  return all;
}

void flip_bit(const std::filesystem::path& path, std::int64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 4));
}

class TokenFileTest : public testing::Test {
 protected:
  TokenFileTest() { write_token_file(path_, documents_); }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "tokens.h5";
  std::vector<std::vector<std::int32_t>> documents_ = random_documents();
  std::vector<std::int32_t> all_ = flat(documents_);
};

TEST_F(TokenFileTest, GivesBackTheTokensInAnyPieces) {
  const TokenFile file(path_);
  ASSERT_GT(file.tokens(), 2 * TokenFileInfo::chunk);
  ASSERT_EQ(file.tokens(), std::ssize(all_));
  std::vector<std::int32_t> found(all_.size());
  file.read(0, found);
  EXPECT_EQ(found, all_);
  const Philox random(4, "pieces");
  const TokenFile fresh(path_);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::size_t first = random.word(i, 0) % all_.size();
    const std::size_t count = std::min<std::size_t>(random.word(i, 1) % 3000, all_.size() - first);
    std::vector<std::int32_t> piece(count);
    fresh.read(static_cast<std::int64_t>(first), piece);
    ASSERT_TRUE(
        std::equal(piece.begin(), piece.end(), all_.begin() + static_cast<std::ptrdiff_t>(first)));
  }
}

TEST_F(TokenFileTest, KnowsItsDocumentsAndItself) {
  const TokenFile file(path_);
  EXPECT_EQ(file.info().documents, 300);
  EXPECT_EQ(file.info().tokenizer_kind, "bytes");
  EXPECT_EQ(file.info().text_bytes, std::ssize(all_) - 300);
  EXPECT_EQ(file.info().sources,
            (std::vector<TokenOrigin>{{"made by a test", std::ssize(all_) - 300, 1}}));
  EXPECT_EQ(file.tokenizer()->hash(), file.info().tokenizer_hash);
  std::int64_t next = 0;
  for (std::int64_t d = 0; d < 300; ++d) {
    const Range range = file.document(d);
    ASSERT_EQ(range, (Range{next, next + std::ssize(documents_[size_of(d)]) + 1}));
    ASSERT_EQ(file.document_of(range.first), d);
    ASSERT_EQ(file.document_of(range.last - 1), d);
    next = range.last;
  }
  expect_error(Fault::user, "300 is not among them", [&] { file.document(300); });
}

TEST_F(TokenFileTest, EqualContentGivesEqualBytesAtAnyTime) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 would store seconds
  write_token_file(folder_ / "again.h5", documents_);
  EXPECT_EQ(read_text(path_), read_text(folder_ / "again.h5"));
  EXPECT_EQ(TokenFile(path_).info().content_hash,
            TokenFile(folder_ / "again.h5").info().content_hash);
  documents_.back().push_back(1);
  write_token_file(folder_ / "other.h5", documents_);
  EXPECT_NE(TokenFile(path_).info().content_hash,
            TokenFile(folder_ / "other.h5").info().content_hash);
}

TEST_F(TokenFileTest, AFlippedBitInTheTokensIsFoundBeforeTheyAreRead) {
  const std::string bytes = read_text(path_);
  const std::uint16_t first[] = {
      static_cast<std::uint16_t>(all_[0]), static_cast<std::uint16_t>(all_[1]),
      static_cast<std::uint16_t>(all_[2]), static_cast<std::uint16_t>(all_[3])};
  const auto at = bytes.find(std::string(reinterpret_cast<const char*>(first), sizeof(first)));
  ASSERT_NE(at, std::string::npos);
  flip_bit(path_, static_cast<std::int64_t>(at) + 2 * (TokenFileInfo::chunk + 7));
  const TokenFile file(path_);  // opening is cheap and does not see it
  std::vector<std::int32_t> ids(10);
  file.read(0, ids);  // another chunk
  expect_error(Fault::data, "block 1 (tokens 65536 to 131071)", [&] { file.read(100'000, ids); });
  expect_error(Fault::data, "tokens.h5' is damaged: the checksum of block 1",
               [&] { file.verify(); });
}

TEST_F(TokenFileTest, EveryFlippedBitIsFound) {
  const std::int64_t size = std::ssize(read_text(path_));
  std::int64_t unused = 0;  // bytes of HDF5's own padding mean nothing
  for (std::int64_t at = 0; at < size; at += at < 4000 || at > size - 8000 ? 7 : 5003) {
    flip_bit(path_, at);
    try {
      const TokenFile file(path_);
      file.verify();
      EXPECT_TRUE(file.info().tokens == std::ssize(all_) &&
                  file.info().text_bytes == std::ssize(all_) - 300);
      std::vector<std::int32_t> found(all_.size());
      file.read(0, found);
      EXPECT_EQ(found, all_) << "byte " << at;
      ++unused;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::data) << "byte " << at << ": " << e.what();
    }
    flip_bit(path_, at);
  }
  EXPECT_LT(unused, 400);
  TokenFile(path_).verify();
}

TEST_F(TokenFileTest, ATruncatedFileIsRefusedWhenItIsOpened) {
  const auto size = std::filesystem::file_size(path_);
  for (const auto left : {size - 1, size / 2, std::uintmax_t{100}, std::uintmax_t{0}}) {
    std::filesystem::resize_file(path_, left);
    expect_error(Fault::data, "cut short", [&] { TokenFile file(path_); });
  }
}

TEST_F(TokenFileTest, AFileCutShortWhileOpenIsAnErrorNotASignal) {
  const TokenFile file(path_);
  std::filesystem::resize_file(path_, 50'000);
  std::vector<std::int32_t> ids(all_.size());
  expect_error(Fault::data, "cut short since it was opened", [&] { file.read(0, ids); });
}

TEST_F(TokenFileTest, OtherFilesAreRefused) {
  expect_error(Fault::user, "there is no file", [&] { TokenFile file(folder_ / "none.h5"); });
  std::ofstream(folder_ / "text.h5") << "not HDF5";
  expect_error(Fault::data, "is not a token file", [&] { TokenFile file(folder_ / "text.h5"); });
}

TEST_F(TokenFileTest, NothingIsLeftWithoutACommit) {
  { TokenFileWriter writer(folder_ / "half.h5", TokenFile(path_).info()); }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "half.h5"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "half.h5.partial"));
}

}  // namespace
}  // namespace mneme
