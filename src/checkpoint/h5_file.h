#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/file.h"
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

/// An HDF5 file that is being made, in memory: a failure of HDF5 to write a file leaves it unable
/// to end the process properly, so the disk is kept out of its hands. Blocks cost no memory, since
/// their elements are written by others. It holds no time stamps, so that equal contents are equal
/// bytes. Errors are Fault::machine and carry the library's own words; the library prints nothing
/// by itself and takes no file locks, since a checkpoint's folder has one owner.
class H5File {
 public:
  /// An empty file; errors call it `name`.
  static H5File create(const std::string& name);

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

  /// The bytes of the file, with zeros in the place of elements. Nothing may be added afterwards.
  File finish();

 private:
  H5File(std::string name, File memory, H5Handle file);

  std::string name_;
  File memory_;
  H5Handle file_;
};

}  // namespace mneme
