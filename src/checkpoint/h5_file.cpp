#include "checkpoint/h5_file.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <hdf5.h>

#include "base/check.h"
#include "base/math.h"

namespace mneme {
namespace {

static_assert(std::is_same_v<hid_t, std::int64_t>, "HDF5 1.10 or later");
static_assert(std::endian::native == std::endian::little, "elements are written as they stand");

/// Blocks of at least this size start at a page, so that they can be mapped.
constexpr hsize_t aligned_from = hsize_t{64} * 1024;
constexpr hsize_t page = 4096;

/// While it lives, HDF5 prints no errors in this thread.
class Quiet {
 public:
  Quiet() {
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Quiet() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

herr_t append_error(unsigned /*n*/, const H5E_error2_t* error, void* text) {
  auto& all = *static_cast<std::string*>(text);
  if (error->desc != nullptr && *error->desc != '\0') {
    all += fmt::format("{}{}", all.empty() ? "" : ": ", error->desc);
  }
  return 0;
}

/// What HDF5 says about the last call that failed in this thread, innermost reason first.
std::string h5_words() {
  std::string words;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, append_error, &words);
  return words;
}

void require_h5(bool ok, const char* what, const std::string& file) {
  if (ok) return;
  fail(Fault::machine, "HDF5 cannot {} in {}: {}", what, file, h5_words());
}

H5Handle checked(std::int64_t id,
                 H5Handle::Close close,
                 const char* what,
                 const std::string& file) {
  require_h5(id >= 0, what, file);
  return {id, close};
}

/// The type of elements in the file: little-endian; bf16 is the upper half of an IEEE f32.
H5Handle file_type(DType type) {
  const auto copy = [](hid_t of) { return H5Handle(H5Tcopy(of), H5Tclose); };
  switch (type) {
    case DType::f32:
      return copy(H5T_IEEE_F32LE);
    case DType::f64:
      return copy(H5T_IEEE_F64LE);
    case DType::i32:
      return copy(H5T_STD_I32LE);
    case DType::i64:
      return copy(H5T_STD_I64LE);
    case DType::u8:
      return copy(H5T_STD_U8LE);
    case DType::bf16: {
      H5Handle t = copy(H5T_IEEE_F32LE);
      const bool ok = H5Tset_fields(t.id(), 15, 7, 8, 0, 7) >= 0 &&
                      H5Tset_precision(t.id(), 16) >= 0 && H5Tset_size(t.id(), 2) >= 0 &&
                      H5Tset_ebias(t.id(), 127) >= 0;
      require(ok, Fault::bug, "HDF5 does not take the type bf16: {}", h5_words());
      return t;
    }
  }
  fail(Fault::bug, "an unknown dtype");
}

std::vector<hsize_t> extents(const Shape& shape) {
  std::vector<hsize_t> n;
  for (int d = 0; d < shape.rank(); ++d) n.push_back(static_cast<hsize_t>(shape[d]));
  return n;
}

H5Handle space_of(const Shape& shape, const std::string& file) {
  if (shape.rank() == 0) return checked(H5Screate(H5S_SCALAR), H5Sclose, "make a scalar", file);
  const std::vector<hsize_t> n = extents(shape);
  return checked(H5Screate_simple(shape.rank(), n.data(), nullptr), H5Sclose, "make a shape", file);
}

/// Groups on the way to a dataset are made with it.
H5Handle link_properties(const std::string& file) {
  H5Handle links = checked(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make properties", file);
  require_h5(H5Pset_create_intermediate_group(links.id(), 1) >= 0, "set properties", file);
  return links;
}

H5Handle dataset_properties(const std::string& file) {
  H5Handle p = checked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make properties", file);
  require_h5(H5Pset_obj_track_times(p.id(), false) >= 0, "set properties", file);
  return p;
}

void set_fill(const H5Handle& properties, DType type, const std::string& file) {
  const auto set = [&](hid_t memory_type, auto value) {
    require_h5(H5Pset_fill_value(properties.id(), memory_type, &value) >= 0, "set the fill value",
               file);
  };
  switch (type) {
    case DType::f32:
    case DType::bf16:
      return set(H5T_NATIVE_FLOAT, std::numeric_limits<float>::quiet_NaN());
    case DType::f64:
      return set(H5T_NATIVE_DOUBLE, std::numeric_limits<double>::quiet_NaN());
    case DType::i32:
      return set(H5T_NATIVE_INT32, std::numeric_limits<std::int32_t>::min());
    case DType::i64:
      return set(H5T_NATIVE_INT64, std::numeric_limits<std::int64_t>::min());
    case DType::u8:
      return set(H5T_NATIVE_UINT8, std::numeric_limits<std::uint8_t>::max());
  }
}

void add_extents(const H5Handle& object,
                 const char* name,
                 const Shape& shape,
                 const std::string& file) {
  if (shape.rank() == 0) return;
  std::vector<std::int64_t> values;
  for (int d = 0; d < shape.rank(); ++d) values.push_back(shape[d]);
  const H5Handle space = space_of(Shape{shape.rank()}, file);
  const H5Handle attribute =
      checked(H5Acreate2(object.id(), name, H5T_STD_I64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT),
              H5Aclose, "add an attribute", file);
  require_h5(H5Awrite(attribute.id(), H5T_NATIVE_INT64, values.data()) >= 0, "write an attribute",
             file);
}

}  // namespace

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

H5Handle::~H5Handle() {
  if (id_ >= 0) {
    const Quiet quiet;
    close_(id_);
  }
}

H5Handle::H5Handle(H5Handle&& other) noexcept
    : id_(std::exchange(other.id_, -1)), close_(other.close_) {}

bool H5Handle::close() {
  return close_(std::exchange(id_, -1)) >= 0;
}

H5File::H5File(std::string name, File memory, H5Handle file)
    : name_(std::move(name)), memory_(std::move(memory)), file_(std::move(file)) {}

H5File H5File::create(const std::string& name) {
  const Quiet quiet;
  require_h5(H5open() >= 0, "start",
             name);  // takes its time, and the next name should be short-lived
  File memory = File::temporary();
  const H5Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make properties", name);
  require_h5(H5Pset_alignment(access.id(), aligned_from, page) >= 0 &&
                 H5Pset_file_locking(access.id(), false, true) >= 0,
             "set properties", name);
  H5Handle file = checked(H5Fcreate(memory.path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()),
                          H5Fclose, "make a file", name);
  memory.remove_name();
  return {name, std::move(memory), std::move(file)};
}

std::int64_t H5File::add_block(const std::string& name,
                               DType type,
                               const Shape& global,
                               const Box& box) {
  const Quiet quiet;
  const H5Handle properties = dataset_properties(name_);
  require_h5(H5Pset_layout(properties.id(), H5D_CONTIGUOUS) >= 0 &&
                 H5Pset_alloc_time(properties.id(), H5D_ALLOC_TIME_EARLY) >= 0 &&
                 H5Pset_fill_time(properties.id(), H5D_FILL_TIME_NEVER) >= 0,
             "set properties", name_);
  const H5Handle links = link_properties(name_);
  const H5Handle space = space_of(box.count, name_);
  const H5Handle element = file_type(type);
  const H5Handle dataset = checked(H5Dcreate2(file_.id(), name.c_str(), element.id(), space.id(),
                                              links.id(), properties.id(), H5P_DEFAULT),
                                   H5Dclose, "make a dataset", name_);
  add_extents(dataset, "global_shape", global, name_);
  add_extents(dataset, "global_start", box.start, name_);
  const haddr_t offset = H5Dget_offset(dataset.id());
  require_h5(offset != HADDR_UNDEF, "place a dataset", name_);
  return narrow<std::int64_t>(offset);
}

void H5File::add_virtual(const std::string& name,
                         DType type,
                         const Shape& shape,
                         std::span<const Source> sources) {
  const Quiet quiet;
  const H5Handle links = link_properties(name_);
  if (shape.rank() == 0) {  // HDF5 has no virtual scalars: a link shows the source itself
    require(sources.size() == 1, Fault::bug, "the scalar {} has {} sources", name, sources.size());
    require_h5(H5Lcreate_external(sources[0].file.c_str(), sources[0].dataset.c_str(), file_.id(),
                                  name.c_str(), links.id(), H5P_DEFAULT) >= 0,
               "make a link", name_);
    return;
  }
  const H5Handle properties = dataset_properties(name_);
  set_fill(properties, type, name_);
  for (const Source& source : sources) {
    const H5Handle whole = space_of(shape, name_);
    const H5Handle part = space_of(source.box.count, name_);
    const std::vector<hsize_t> start = extents(source.box.start);
    const std::vector<hsize_t> count = extents(source.box.count);
    require_h5(H5Sselect_hyperslab(whole.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(),
                                   nullptr) >= 0 &&
                   H5Pset_virtual(properties.id(), whole.id(), source.file.c_str(),
                                  source.dataset.c_str(), part.id()) >= 0,
               "place a source", name_);
  }
  const H5Handle space = space_of(shape, name_);
  const H5Handle element = file_type(type);
  checked(H5Dcreate2(file_.id(), name.c_str(), element.id(), space.id(), links.id(),
                     properties.id(), H5P_DEFAULT),
          H5Dclose, "make a virtual dataset", name_);
}

File H5File::finish() {
  const Quiet quiet;
  require_h5(file_.close(), "finish a file", name_);
  return std::move(memory_);
}

}  // namespace mneme
