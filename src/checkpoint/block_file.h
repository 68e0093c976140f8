#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "params/param_set.h"

namespace mneme {

/// Bytes that are read, hashed or written at once: what a checkpoint needs of memory beside the
/// state itself, whatever its size.
inline constexpr std::size_t piece_bytes = std::size_t{16} << 20;

/// A block to be written.
struct BlockSource {
  std::string dataset;
  DType type = DType::f32;
  Shape global;                     // of the tensor it is part of
  Box box;                          // not empty
  std::span<const std::byte> data;  // row-major
  RowSource rows = nullptr;         // where given, written instead of `data`, piece by piece
};

struct WrittenFile {
  FileRecord file;
  std::vector<BlockRecord> blocks;  // in the order of the sources
};

/// Writes an HDF5 file with one contiguous dataset per block and brings it to the disk. HDF5 makes
/// the metadata in memory; the file is then written once from its first byte to its last, elements
/// in pieces from where they are, and the checksums taken on the way: nothing is read back, and
/// HDF5's global lock is not held meanwhile. Equal blocks give equal bytes.
WrittenFile write_block_file(const std::filesystem::path& folder,
                             const std::string& name,
                             std::span<const BlockSource> blocks);

/// Writes the HDF5 file that shows every item as one virtual dataset, and brings it to the disk.
FileRecord write_index_file(const std::filesystem::path& folder,
                            const std::string& name,
                            std::span<const ItemRecord> items);

/// Checksums of a file and of regions in it, in one pass over its bytes.
struct FileHashes {
  std::uint64_t file = 0;
  std::vector<std::uint64_t> regions;
};
/// `regions` may not overlap and are sorted by offset; those behind the end of the file give the
/// hash of what is there.
struct FileRegion {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
};
FileHashes hash_file(const std::filesystem::path& path, std::span<const FileRegion> regions);

}  // namespace mneme
