#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "checkpoint/box.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace mneme {

/// The version of the HDF5 library that runs, such as "1.10.8".
std::string hdf5_version();

/// An identifier of the HDF5 library, given back by the function that belongs to its kind.
class H5Handle {
 public:
  using Close = int (*)(std::int64_t);
  H5Handle(std::int64_t id, Close give_back) : id_(id), close_(give_back) {}
  ~H5Handle();
  H5Handle(H5Handle&& other) noexcept;
  H5Handle& operator=(H5Handle&&) = delete;
  H5Handle(const H5Handle&) = delete;
  H5Handle& operator=(const H5Handle&) = delete;
  std::int64_t id() const { return id_; }
  /// Closes now; false if that failed, which for a file means that its contents are not complete.
  bool close();

 private:
  std::int64_t id_;
  Close close_;
};

/// An HDF5 file that is being made. It holds no time stamps, so that equal contents are equal
/// bytes. Errors are Fault::machine and carry the library's own words; the library prints nothing
/// by itself and takes no file locks, since a checkpoint's folder has one owner.
class H5File {
 public:
  /// A new or emptied file.
  static H5File create(const std::filesystem::path& path);

  /// A contiguous dataset without values yet, with its place in the global tensor as attributes.
  /// Returns the byte of the file at which its elements will stand, row-major, little-endian.
  ///   `name` may hold slashes: groups are made as needed
  std::int64_t add_block(const std::string& name, DType type, const Shape& global, const Box& box);

  /// Where a part of a virtual dataset stands: `dataset` of `file`, a path relative to this file.
  struct Source {
    std::string file;
    std::string dataset;
    Box box;
  };
  /// A dataset that shows the sources as one tensor. Elements whose source is missing read as NaN,
  /// integers as the least value of their type (u8: 255).
  void add_virtual(const std::string& name,
                   DType type,
                   const Shape& shape,
                   std::span<const Source> sources);

  /// Writes what is left. Nothing may be added afterwards.
  void close();

 private:
  H5File(std::filesystem::path path, H5Handle file);

  std::filesystem::path path_;
  H5Handle file_;
};

}  // namespace mneme
