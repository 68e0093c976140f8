#include "data/text_input.h"

#include <algorithm>

#include <zlib.h>
#include <zstd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/hash.h"

namespace mneme {
namespace {

constexpr std::size_t disk_block = std::size_t{256} * 1024;  // bytes

/// What lies on the disk, block by block.
class DiskBlocks {
 public:
  explicit DiskBlocks(const std::filesystem::path& path)
      : file_(File::open_to_read(path)), block_(disk_block) {}
  /// The next block; empty at the end.
  std::span<std::byte> next() {
    const std::size_t n = file_.read_some(at_, block_);
    at_ += static_cast<std::int64_t>(n);
    const std::span<std::byte> got = std::span(block_).first(n);
    hasher_.add(got);
    return got;
  }
  std::int64_t at() const { return at_; }
  std::uint64_t hash() const { return hasher_.value(); }
  std::string name() const { return file_.path().string(); }

 private:
  File file_;
  std::vector<std::byte> block_;
  std::int64_t at_ = 0;
  Hasher hasher_;
};

[[noreturn]] void fail_compressed(const std::string& name, const std::string& why) {
  fail(Fault::data, "the compressed file '{}' is damaged or cut short: {}", name, why);
}

/// Turns blocks into text.
class Decoder {
 public:
  Decoder() = default;
  virtual ~Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  virtual std::size_t read(DiskBlocks& disk, std::span<char> out) = 0;
};

class PlainDecoder final : public Decoder {
 public:
  std::size_t read(DiskBlocks& disk, std::span<char> out) override {
    if (block_.empty()) block_ = disk.next();
    const std::size_t n = std::min(out.size(), block_.size());
    std::copy_n(reinterpret_cast<const char*>(block_.data()), n, out.begin());
    block_ = block_.subspan(n);
    return n;
  }

 private:
  std::span<std::byte> block_;
};

/// One or more gzip members, one after the other.
class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() {
    const int status = inflateInit2(&stream_, 15 + 16);
    require(status == Z_OK, Fault::machine, "zlib cannot start: {}", status);
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  std::size_t read(DiskBlocks& disk, std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out == out.size()) {
      if (stream_.avail_in == 0) {
        const auto block = disk.next();
        if (block.empty()) {
          if (inside_) fail_compressed(disk.name(), "it ends in the middle");
          return 0;
        }
        stream_.next_in = reinterpret_cast<Bytef*>(block.data());
        stream_.avail_in = static_cast<uInt>(block.size());
      }
      inside_ = true;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        inflateReset(&stream_);
        inside_ = false;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        fail_compressed(disk.name(), stream_.msg != nullptr ? stream_.msg : "zlib refuses it");
      }
    }
    return out.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool inside_ = false;  // a member
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    require(stream_ != nullptr, Fault::machine, "zstd cannot start: no memory");
  }
  std::size_t read(DiskBlocks& disk, std::span<char> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos == 0) {
      if (from_.pos == from_.size && flushed_) {
        const auto block = disk.next();
        if (block.empty()) {
          if (inside_) fail_compressed(disk.name(), "it ends in the middle");
          return 0;
        }
        from_ = {block.data(), block.size(), 0};
      }
      const std::size_t status = ZSTD_decompressStream(stream_.get(), &to, &from_);
      if (ZSTD_isError(status) != 0) fail_compressed(disk.name(), ZSTD_getErrorName(status));
      inside_ = status != 0;
      flushed_ = to.pos < to.size;  // else the library may hold more text
    }
    return to.pos;
  }

 private:
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  ZSTD_inBuffer from_{nullptr, 0, 0};
  bool inside_ = false;  // a frame
  bool flushed_ = true;
};

std::unique_ptr<Decoder> make_decoder(Compression compression) {
  switch (compression) {
    case Compression::gzip:
      return std::make_unique<GzipDecoder>();
    case Compression::zstd:
      return std::make_unique<ZstdDecoder>();
    case Compression::none:
      break;
  }
  return std::make_unique<PlainDecoder>();
}

}  // namespace

struct TextInput::State {
  explicit State(const TextFile& file) : disk(file.path), decoder(make_decoder(file.compression)) {}
  DiskBlocks disk;
  std::unique_ptr<Decoder> decoder;
};

TextInput::TextInput(const TextFile& file) : state_(std::make_unique<State>(file)) {}
TextInput::~TextInput() = default;

std::size_t TextInput::read(std::span<char> out) {
  return out.empty() ? 0 : state_->decoder->read(state_->disk, out);
}

void TextInput::skip(std::int64_t bytes) {
  std::vector<char> unused(disk_block);
  while (bytes > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::int64_t>(bytes, disk_block));
    const std::size_t n = read(std::span(unused).first(want));
    require(n > 0, Fault::data,
            "'{}' is {} bytes shorter than when its preparation was interrupted: start again",
            state_->disk.name(), bytes);
    bytes -= static_cast<std::int64_t>(n);
  }
}

std::int64_t TextInput::disk_bytes() const {
  return state_->disk.at();
}

TokenOrigin TextInput::origin() const {
  return {state_->disk.name(), state_->disk.at(), state_->disk.hash()};
}

}  // namespace mneme
