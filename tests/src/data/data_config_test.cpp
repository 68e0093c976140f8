#include "data/data_config.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "support/token_files.h"

namespace mneme {
namespace {

TEST(DataConfig, NamesTheSources) {
  DataConfig config;
  expect_error(Fault::user, "data.train names no source", [&] { training_sources(config); });
  config.train = {{"text", {"a.h5", "b.h5"}, 2}};
  const auto sources = training_sources(config);
  EXPECT_EQ(sources.at(0).name, "text");
  EXPECT_EQ(sources.at(0).weight, 2);
  EXPECT_EQ(sources.at(0).files.at(1), "b.h5");
}

TEST(DataConfig, AnotherTokenizerThanTheTokensIsRefused) {
  const TemporaryFolder folder;
  write_token_file(folder / "a.h5", {{1, 2}});
  TokenFileInfo info = TokenFile(folder / "a.h5").info();
  DataConfig config;
  check_tokenizer(config, info);
  config.tokenizer = "bytes";
  check_tokenizer(config, info);
  info.tokenizer_hash ^= 1U;
  expect_error(Fault::user, "data.tokenizer = bytes is bytes with 257 tokens",
               [&] { check_tokenizer(config, info); });
}

}  // namespace
}  // namespace mneme
