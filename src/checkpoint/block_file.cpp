#include "checkpoint/block_file.h"

#include <algorithm>
#include <numeric>

#include <sys/resource.h>

#include "base/check.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/math.h"
#include "checkpoint/h5_file.h"

namespace mneme {
namespace {

/// Fault::machine if this process may not write files of so many bytes (ulimit -f).
void require_file_size_allowed(const std::filesystem::path& path, std::int64_t bytes) {
  rlimit limit{};
  const bool known = ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  require(!known || static_cast<rlim_t>(bytes) <= limit.rlim_cur, Fault::machine,
          "{} takes {} bytes, but files may have {} at most here: raise that limit (ulimit -f)",
          path.string(), bytes, limit.rlim_cur);
}

/// Passes bytes [first, last) of the file to `use` in pieces.
void read_pieces(const File& file,
                 std::int64_t first,
                 std::int64_t last,
                 std::vector<std::byte>& buffer,
                 const std::function<void(std::span<const std::byte>)>& use) {
  while (first < last) {
    const std::size_t n = std::min(size_of(last - first), piece_bytes);
    buffer.resize(std::max(buffer.size(), n));
    const std::span<std::byte> piece(buffer.data(), n);
    file.read_at(first, piece);
    use(piece);
    first += static_cast<std::int64_t>(n);
  }
}

/// Writes a file from its first byte to its last, and hashes what passes.
class HashedWriter {
 public:
  explicit HashedWriter(const std::filesystem::path& path) : file_(File::create(path)) {}

  /// The bytes from here to `end` of another file.
  void copy_until(const File& source, std::int64_t end) {
    read_pieces(source, at_, end, buffer_, [&](std::span<const std::byte> piece) { write(piece); });
  }
  /// `data`, whose own hash is returned.
  std::uint64_t append(std::span<const std::byte> data) {
    Hasher own;
    for (std::size_t i = 0; i < data.size(); i += piece_bytes) {
      const auto piece = data.subspan(i, std::min(piece_bytes, data.size() - i));
      own.add(piece);
      write(piece);
    }
    return own.value();
  }
  /// The rows that block.rows gives, in pieces.
  std::uint64_t append_rows(const BlockSource& block) {
    const std::int64_t rows = block.box.count[0];
    const std::int64_t row_bytes = std::ssize(block.data) / rows;
    const std::int64_t at_once =
        std::clamp<std::int64_t>(narrow<std::int64_t>(piece_bytes) / row_bytes, 1, rows);
    Hasher own;
    for (std::int64_t first = 0; first < rows; first += at_once) {
      const std::int64_t n = std::min(at_once, rows - first);
      buffer_.resize(std::max(buffer_.size(), size_of(n * row_bytes)));
      const std::span<std::byte> piece(buffer_.data(), size_of(n * row_bytes));
      block.rows(first, View(piece.data(), block.type, block.box.count.with(0, n), cpu_device));
      own.add(piece);
      write(piece);
    }
    return own.value();
  }
  /// Brings the file to the disk; its hash.
  std::uint64_t finish() {
    file_.sync();
    file_.close();
    return whole_.value();
  }

 private:
  void write(std::span<const std::byte> piece) {
    whole_.add(piece);
    file_.write_at(at_, piece);
    at_ += std::ssize(piece);
  }

  File file_;
  std::int64_t at_ = 0;
  Hasher whole_;
  std::vector<std::byte> buffer_;
};

}  // namespace

WrittenFile write_block_file(const std::filesystem::path& folder,
                             const std::string& name,
                             std::span<const BlockSource> blocks) {
  WrittenFile written{.file = {.name = name, .bytes = 0, .xxh3 = 0}, .blocks = {}};
  const std::filesystem::path path = folder / name;
  std::int64_t elements = 0;
  for (const BlockSource& b : blocks) elements += std::ssize(b.data);
  require_file_size_allowed(path, elements);
  H5File h5 = H5File::create(name);
  for (const BlockSource& b : blocks) {
    written.blocks.push_back({.file = name,
                              .dataset = b.dataset,
                              .box = b.box,
                              .offset = h5.add_block(b.dataset, b.type, b.global, b.box),
                              .bytes = std::ssize(b.data),
                              .xxh3 = 0});
  }
  const File metadata = h5.finish();
  written.file.bytes = metadata.size();
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return written.blocks[a].offset < written.blocks[b].offset;
  });
  HashedWriter writer(path);
  for (const std::size_t i : order) {
    BlockRecord& record = written.blocks[i];
    writer.copy_until(metadata, record.offset);
    record.xxh3 = blocks[i].rows ? writer.append_rows(blocks[i]) : writer.append(blocks[i].data);
  }
  writer.copy_until(metadata, written.file.bytes);
  written.file.xxh3 = writer.finish();
  return written;
}

FileRecord write_index_file(const std::filesystem::path& folder,
                            const std::string& name,
                            std::span<const ItemRecord> items) {
  H5File h5 = H5File::create(name);
  for (const ItemRecord& item : items) {
    std::vector<H5File::Source> sources;
    for (const BlockRecord& b : item.blocks) sources.push_back({b.file, b.dataset, b.box});
    h5.add_virtual("/" + item.name, item.type, item.shape, sources);
  }
  const File contents = h5.finish();
  HashedWriter writer(folder / name);
  writer.copy_until(contents, contents.size());
  return {.name = name, .bytes = contents.size(), .xxh3 = writer.finish()};
}

FileHashes hash_file(const std::filesystem::path& path, std::span<const FileRegion> regions) {
  const File file = File::open_to_read(path, checkpoint_faults);
  const std::int64_t size = file.size();
  FileHashes hashes;
  Hasher whole;
  std::vector<std::byte> buffer;
  std::int64_t at = 0;
  const auto pass = [&](std::int64_t until, Hasher* own) {
    until = std::min(until, size);
    read_pieces(file, at, until, buffer, [&](std::span<const std::byte> piece) {
      whole.add(piece);
      if (own != nullptr) own->add(piece);
    });
    at = std::max(at, until);
  };
  for (const FileRegion& region : regions) {
    Hasher own;
    pass(region.offset, nullptr);
    pass(region.offset + region.bytes, &own);
    hashes.regions.push_back(own.value());
  }
  pass(size, nullptr);
  hashes.file = whole.value();
  return hashes;
}

}  // namespace mneme
