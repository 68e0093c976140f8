#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "base/check.h"
#include "base/math.h"
#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace mneme {

/// Bytes of a contiguous tensor.
constexpr std::size_t byte_count(DType type, const Shape& shape) {
  return size_of(type) * static_cast<std::size_t>(shape.count());
}

/// A tensor somebody else owns: contiguous, row-major, no strides. Byte is std::byte (writable) or
/// const std::byte. A view of a measuring arena has no memory: `data()` is null, shapes are right.
template <class Byte>
requires std::same_as<std::remove_const_t<Byte>, std::byte>
class BasicView {
 public:
  BasicView() = default;  // no tensor: `given()` is false
  BasicView(Byte* data, DType type, Shape shape, Device device)
      : data_(data), shape_(shape), type_(type), device_(device), given_(true) {}
  // Writable becomes readable without a word.
  // NOLINTBEGIN(google-explicit-constructor)
  template <class From>
  requires(std::is_const_v<Byte>&& std::same_as<From, std::byte>)
      BasicView(const BasicView<From>& v)
      : data_(v.data()),
        shape_(v.shape()),
        type_(v.type()),
        device_(v.device()),
        given_(v.given()) {}
  // NOLINTEND(google-explicit-constructor)

  /// False for a default view: an optional argument that was left out.
  bool given() const { return given_; }
  Byte* data() const { return data_; }
  DType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::int64_t extent(int i) const { return shape_[i]; }
  std::int64_t count() const { return shape_.count(); }
  std::size_t bytes() const { return byte_count(type_, shape_); }
  Device device() const { return device_; }

  /// Elements on the host; refuses device memory, so that nobody follows such a pointer.
  template <Element T>
  requires(std::is_const_v<T> || !std::is_const_v<Byte>) std::span<T> span()
  const {
    require(dtype_of<T> == type_, Fault::bug, "a view of {} was read as {}", enum_name(type_),
            enum_name(dtype_of<T>));
    require(device_.kind == Device::Kind::cpu, Fault::bug, "host span of device memory");
    return {reinterpret_cast<T*>(data_), static_cast<std::size_t>(shape_.count())};
  }
  /// The first element on the host, with the checks of `span`.
  template <Element T>
  requires(std::is_const_v<T> || !std::is_const_v<Byte>) T* ptr() const { return span<T>().data(); }

  /// Rows [first, last) of dimension 0.
  BasicView rows(std::int64_t first, std::int64_t last) const {
    require(first >= 0 && first <= last && last <= shape_[0], Fault::bug,
            "rows [{}, {}) of a view of {} rows", first, last, shape_[0]);
    return part(first * shape_.row_count(), shape_.with(0, last - first));
  }
  /// The same elements under another shape.
  BasicView as(const Shape& shape) const {
    require(shape.count() == shape_.count(), Fault::bug, "{} does not have the elements of {}",
            to_string(shape), to_string(shape_));
    return BasicView(data_, type_, shape, device_);
  }
  /// `shape.count()` elements from element `offset` on.
  BasicView part(std::int64_t offset, const Shape& shape) const {
    require(offset >= 0 && offset + shape.count() <= shape_.count(), Fault::bug,
            "elements [{}, {}) of a view of {}", offset, offset + shape.count(), shape_.count());
    Byte* start =
        data_ == nullptr ? nullptr : data_ + size_of(type_) * static_cast<std::size_t>(offset);
    return BasicView(start, type_, shape, device_);
  }
  /// The view's memory as bytes on the host.
  std::span<Byte> raw() const {
    require(device_.kind == Device::Kind::cpu, Fault::bug, "host span of device memory");
    return {data_, bytes()};
  }

 private:
  Byte* data_ = nullptr;
  Shape shape_;
  DType type_ = DType::f32;
  Device device_;
  bool given_ = false;
};

using View = BasicView<std::byte>;             // writable
using ConstView = BasicView<const std::byte>;  // read-only: an op cannot write its inputs

/// Reads host memory that the caller owns as a tensor.
template <Element T>
ConstView view_of(std::span<const T> elements, const Shape& shape) {
  require(static_cast<std::int64_t>(elements.size()) == shape.count(), Fault::bug,
          "{} elements cannot have the shape {}", elements.size(), to_string(shape));
  return ConstView(std::as_bytes(elements).data(), dtype_of<T>, shape, cpu_device);
}
template <Element T>
requires(!std::is_const_v<T>) View view_of(std::span<T> elements, const Shape& shape) {
  require(static_cast<std::int64_t>(elements.size()) == shape.count(), Fault::bug,
          "{} elements cannot have the shape {}", elements.size(), to_string(shape));
  return View(std::as_writable_bytes(elements).data(), dtype_of<T>, shape, cpu_device);
}

/// Refuses a view of another dtype or shape: "pool_read: rows is i64 (512, 128), wanted i32 (512,
/// 64)".
void require_tensor(ConstView v, DType type, const Shape& shape, const char* op, const char* name);
/// Two views may not share memory.
void require_apart(ConstView a, ConstView b, const char* op, const char* names);

}  // namespace mneme
