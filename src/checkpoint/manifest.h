#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/enum_names.h"
#include "checkpoint/box.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace mneme {

/// A full checkpoint can go on training; one of weights alone cannot.
enum class CheckpointKind : std::uint8_t { full, weights };

template <>
struct EnumNames<CheckpointKind> {
  static constexpr std::array table{
      std::pair{CheckpointKind::full, std::string_view("full")},
      std::pair{CheckpointKind::weights, std::string_view("weights")}};
};

/// A part of a tensor and where it stands.
struct BlockRecord {
  std::string file;     // in the checkpoint's folder
  std::string dataset;  // HDF5 path in it
  Box box;              // of the global tensor
  std::int64_t offset =
      0;  // byte of the file at which the elements begin, row-major, little-endian
  std::int64_t bytes = 0;
  std::uint64_t xxh3 = 0;  // of the elements
};

/// A tensor: its blocks cover it without overlap.
struct ItemRecord {
  std::string name;
  DType type = DType::f32;
  Shape shape;
  std::vector<BlockRecord> blocks;
};

struct FileRecord {
  std::string name;
  std::int64_t bytes = 0;
  std::uint64_t xxh3 = 0;  // of the whole file
};

/// What a checkpoint consists of: the truth about it, and by being there the sign that it is
/// complete.
struct Manifest {
  static constexpr int newest_format = 1;
  static constexpr const char* file_name = "manifest.json";

  int format_version = newest_format;
  CheckpointKind kind = CheckpointKind::full;
  std::int64_t step = 0;
  std::string time;  // of writing, UTC
  std::string host;
  std::string writer;   // program and version
  int ranks = 0;        // that wrote it
  nlohmann::json meta;  // what the trainer wants to know again
  std::vector<FileRecord> files;
  std::vector<ItemRecord> items;

  std::int64_t bytes() const;  // of all files, without the manifest
};

/// The manifest as JSON whose first member is the XXH3 of the text itself with sixteen zeros in
/// that place.
std::string to_text(const Manifest& manifest);

/// Reads and checks it: Fault::checkpoint, naming `where`, for a broken checksum, another format,
/// or records that contradict each other.
Manifest manifest_from_text(const std::string& text, const std::string& where);

/// The manifest of the checkpoint in `folder`. Fault::checkpoint if there is none.
Manifest read_manifest(const std::filesystem::path& folder);

/// A table for people: name, dtype, shape, blocks and bytes of every tensor.
std::string to_table(const Manifest& manifest);

}  // namespace mneme
