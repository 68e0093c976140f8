#include "data/token_stream.h"

#include <algorithm>

#include "base/amount.h"
#include "base/check.h"
#include "base/hash.h"

namespace mneme {

TokenStream::TokenStream(const std::vector<std::filesystem::path>& paths) : starts_{0} {
  require(!paths.empty(), Fault::user, "a data source has no files; name at least one token file");
  for (const auto& path : paths) {
    const TokenFile& file = files_.emplace_back(path);
    const TokenFileInfo& first = info();
    require(
        file.info().tokenizer_hash == first.tokenizer_hash, Fault::data,
        "'{}' was made with tokenizer {} ({}, {} tokens), '{}' with {} ({}, {} tokens): make them "
        "with one tokenizer",
        path.string(), hex(file.info().tokenizer_hash), file.info().tokenizer_kind,
        file.info().vocab_size, files_.front().path().string(), hex(first.tokenizer_hash),
        first.tokenizer_kind, first.vocab_size);
    starts_.push_back(starts_.back() + file.tokens());
  }
  require(tokens() >= 2, Fault::data,
          "'{}' and the other files of its source hold {}, wanted "
          "at least 2",
          paths.front().string(), counted(tokens(), "token"));
}

std::int64_t TokenStream::samples(std::int64_t sequence) const {
  return ceil_div(tokens() - 1, sequence);
}

void TokenStream::read(std::int64_t first, std::span<std::int32_t> out) const {
  while (!out.empty()) {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), first);
    const auto index = static_cast<std::size_t>(after - starts_.begin()) - 1;
    require(first >= 0 && index < files_.size(), Fault::bug, "token {} of a stream of {}", first,
            tokens());
    const std::int64_t n = std::min(std::ssize(out), *after - first);
    files_[index].read(first - starts_[index], out.first(size_of(n)));
    out = out.subspan(size_of(n));
    first += n;
  }
}

std::int64_t TokenStream::documents() const {
  std::int64_t sum = 0;
  for (const TokenFile& file : files_) sum += file.info().documents;
  return sum;
}

std::int64_t TokenStream::text_bytes() const {
  std::int64_t sum = 0;
  for (const TokenFile& file : files_) sum += file.info().text_bytes;
  return sum;
}

}  // namespace mneme
