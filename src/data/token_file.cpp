#include "data/token_file.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/check.h"
#include "base/file.h"
#include "base/hash.h"
#include "data/token_header.h"

namespace mneme {

struct TokenFile::State {
  explicit State(const std::filesystem::path& path)
      : file(File::open_to_read(path)),
        header(read_token_header(path)),
        checked(std::make_unique<std::atomic<std::uint64_t>[]>(header.checksums.size() / 64 + 1)) {}

  File file;
  TokenHeader header;
  std::unique_ptr<std::atomic<std::uint64_t>[]> checked;  // a bit per chunk, set once it was good

  std::int64_t width() const { return header.info.token_bytes(); }
  std::int64_t chunk_tokens(std::int64_t chunk) const {
    const std::int64_t first = chunk * TokenFileInfo::chunk;
    return std::min(TokenFileInfo::chunk, header.info.tokens - first);
  }
  bool is_checked(std::int64_t chunk) const {
    return ((checked[size_of(chunk / 64)].load(std::memory_order_relaxed) >> (chunk % 64)) & 1U) !=
           0;
  }
  void read_tokens(std::int64_t first, std::int64_t count, std::vector<std::byte>& bytes) const {
    bytes.resize(size_of(count * width()));
    file.read_at(header.tokens_at + first * width(), bytes);
  }
  void check_chunk(std::int64_t chunk, std::span<const std::byte> bytes) const;
  std::uint64_t offset(std::int64_t index) const;
};

void TokenFile::State::check_chunk(std::int64_t chunk, std::span<const std::byte> bytes) const {
  const std::uint64_t found = hash64(bytes);
  const std::uint64_t wanted = header.checksums[size_of(chunk)];
  const std::int64_t first = chunk * TokenFileInfo::chunk;
  require(found == wanted, Fault::data,
          "'{}' is damaged: the checksum of block {} (tokens {} to {}) is {}, wanted {}; copy the "
          "file again, or make it again with `mneme prep text`",
          file.path().string(), chunk, first, first + chunk_tokens(chunk) - 1, hex(found),
          hex(wanted));
  checked[size_of(chunk / 64)].fetch_or(std::uint64_t{1} << (chunk % 64),
                                        std::memory_order_relaxed);
}

std::uint64_t TokenFile::State::offset(std::int64_t index) const {
  std::uint64_t value = 0;
  file.read_at(header.offsets_at + index * 8, std::as_writable_bytes(std::span(&value, 1)));
  require(value <= static_cast<std::uint64_t>(header.info.tokens), Fault::data,
          "'{}' is damaged: document {} begins at token {} of {}", file.path().string(), index,
          value, header.info.tokens);
  return value;
}

namespace {

template <class Stored>
void convert(std::span<const std::byte> bytes, std::span<std::int32_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored = 0;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = static_cast<std::int32_t>(stored);
  }
}

}  // namespace

TokenFile::TokenFile(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {}
TokenFile::~TokenFile() = default;
TokenFile::TokenFile(TokenFile&&) noexcept = default;

const std::filesystem::path& TokenFile::path() const {
  return state_->file.path();
}
const TokenFileInfo& TokenFile::info() const {
  return state_->header.info;
}

void TokenFile::read(std::int64_t first, std::span<std::int32_t> out) const {
  const State& s = *state_;
  require(first >= 0 && first + std::ssize(out) <= tokens(), Fault::bug,
          "tokens {} to {} of '{}', which has {}", first, first + std::ssize(out), path().string(),
          tokens());
  std::vector<std::byte> bytes;
  while (!out.empty()) {
    const std::int64_t chunk = first / TokenFileInfo::chunk;
    const std::int64_t begin = chunk * TokenFileInfo::chunk;
    const std::int64_t n = std::min(std::ssize(out), begin + s.chunk_tokens(chunk) - first);
    std::span<const std::byte> part;
    if (s.is_checked(chunk)) {
      s.read_tokens(first, n, bytes);
      part = bytes;
    } else {
      s.read_tokens(begin, s.chunk_tokens(chunk), bytes);
      s.check_chunk(chunk, bytes);
      part = std::span(bytes).subspan(size_of((first - begin) * s.width()), size_of(n * s.width()));
    }
    const std::span<std::int32_t> ids = out.first(size_of(n));
    s.width() == 2 ? convert<std::uint16_t>(part, ids) : convert<std::uint32_t>(part, ids);
    const auto worst = std::max_element(
        ids.begin(), ids.end(), [](auto a, auto b) { return std::uint32_t(a) < std::uint32_t(b); });
    require(std::uint32_t(*worst) < std::uint32_t(info().vocab_size), Fault::data,
            "'{}' holds token id {} at {}, its vocabulary has {} tokens: it was not written by "
            "`mneme prep text`",
            path().string(), std::uint32_t(*worst), first + (worst - ids.begin()),
            info().vocab_size);
    out = out.subspan(size_of(n));
    first += n;
  }
}

Range TokenFile::document(std::int64_t index) const {
  require(index >= 0 && index < info().documents, Fault::user,
          "'{}' has the documents 0 to {}; {} is not among them", path().string(),
          info().documents - 1, index);
  return {static_cast<std::int64_t>(state_->offset(index)),
          static_cast<std::int64_t>(state_->offset(index + 1))};
}

std::int64_t TokenFile::document_of(std::int64_t token) const {
  require(token >= 0 && token < tokens(), Fault::user,
          "'{}' has the tokens 0 to {}; {} is not among them", path().string(), tokens() - 1,
          token);
  std::int64_t low = 0;  // document low begins at or before the token
  std::int64_t high = info().documents;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (state_->offset(middle) <= static_cast<std::uint64_t>(token) ? low : high) = middle;
  }
  return low;
}

void TokenFile::verify(const std::function<void(std::int64_t)>& progress) const {
  const State& s = *state_;
  std::vector<std::byte> bytes;
  for (std::int64_t chunk = 0; chunk < std::ssize(s.header.checksums); ++chunk) {
    const std::int64_t first = chunk * TokenFileInfo::chunk;
    s.read_tokens(first, s.chunk_tokens(chunk), bytes);
    s.check_chunk(chunk, bytes);
    if (progress) progress(first + s.chunk_tokens(chunk));
  }
  Hasher hasher;
  const std::int64_t total = (info().documents + 1) * 8;
  for (std::int64_t at = 0; at < total; at += std::ssize(bytes)) {
    bytes.resize(size_of(std::min<std::int64_t>(1 << 20, total - at)));
    s.file.read_at(s.header.offsets_at + at, bytes);
    hasher.add(bytes);
  }
  require(hasher.value() == s.header.offsets_checksum, Fault::data,
          "'{}' is damaged: the checksum of its document_offsets is {}, wanted {}; copy the file "
          "again, or make it again with `mneme prep text`",
          path().string(), hex(hasher.value()), hex(s.header.offsets_checksum));
}

std::unique_ptr<Tokenizer> TokenFile::tokenizer() const {
  return make_tokenizer(info().tokenizer_kind, info().tokenizer_model, path().string());
}

}  // namespace mneme
