#include "checkpoint/block_file.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"
#include "checkpoint/h5_file.h"
#include "checkpoint/posix_file.h"

namespace mneme {
namespace {

/// Passes bytes [first, last) of the file to `use` in pieces.
void read_pieces(const PosixFile& file,
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

/// Writes a block at its place; its hash and the file's take the bytes while they are in the cache.
std::uint64_t write_block(PosixFile& file,
                          std::int64_t offset,
                          std::span<const std::byte> data,
                          Hasher& whole) {
  Hasher own;
  for (std::size_t at = 0; at < data.size(); at += piece_bytes) {
    const auto piece = data.subspan(at, std::min(piece_bytes, data.size() - at));
    own.add(piece);
    whole.add(piece);
    file.write_at(offset + static_cast<std::int64_t>(at), piece);
  }
  return own.value();
}

}  // namespace

WrittenFile write_block_file(const std::filesystem::path& folder,
                             const std::string& name,
                             std::span<const BlockSource> blocks) {
  WrittenFile written{.file = {.name = name, .bytes = 0, .xxh3 = 0}, .blocks = {}};
  const std::filesystem::path path = folder / name;
  H5File h5 = H5File::create(path);
  for (const BlockSource& b : blocks) {
    written.blocks.push_back({.file = name,
                              .dataset = b.dataset,
                              .box = b.box,
                              .offset = h5.add_block(b.dataset, b.type, b.global, b.box),
                              .bytes = std::ssize(b.data),
                              .xxh3 = 0});
  }
  h5.close();
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return written.blocks[a].offset < written.blocks[b].offset;
  });
  PosixFile file = PosixFile::open_to_write(path);
  written.file.bytes = file.size();
  Hasher whole;
  std::vector<std::byte> buffer;
  std::int64_t at = 0;
  const auto add_metadata = [&](std::int64_t until) {
    read_pieces(file, at, until, buffer,
                [&](std::span<const std::byte> piece) { whole.add(piece); });
    at = until;
  };
  for (const std::size_t i : order) {
    BlockRecord& record = written.blocks[i];
    add_metadata(record.offset);
    record.xxh3 = write_block(file, record.offset, blocks[i].data, whole);
    at += record.bytes;
  }
  add_metadata(written.file.bytes);
  written.file.xxh3 = whole.value();
  require(file.size() == written.file.bytes, Fault::bug, "{} grew while its blocks were written",
          path.string());
  file.sync();
  file.close();
  return written;
}

FileHashes hash_file(const std::filesystem::path& path, std::span<const FileRegion> regions) {
  const PosixFile file = PosixFile::open_to_read(path);
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

FileRecord record_of(const std::filesystem::path& folder, const std::string& name) {
  const FileHashes hashes = hash_file(folder / name, {});
  return {name, PosixFile::open_to_read(folder / name).size(), hashes.file};
}

}  // namespace mneme
