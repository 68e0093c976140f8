#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/bf16.h"
#include "base/check.h"
#include "base/enum_names.h"

namespace mneme {

/// Element type of a tensor.
enum class DType : std::uint8_t { f32, bf16, f64, i32, i64, u8 };

template <>
struct EnumNames<DType> {
  static constexpr std::array table{std::pair{DType::f32, std::string_view("f32")},
                                    std::pair{DType::bf16, std::string_view("bf16")},
                                    std::pair{DType::f64, std::string_view("f64")},
                                    std::pair{DType::i32, std::string_view("i32")},
                                    std::pair{DType::i64, std::string_view("i64")},
                                    std::pair{DType::u8, std::string_view("u8")}};
};

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> : std::integral_constant<DType, DType::f32> {};
template <>
struct DTypeOf<Bf16> : std::integral_constant<DType, DType::bf16> {};
template <>
struct DTypeOf<double> : std::integral_constant<DType, DType::f64> {};
template <>
struct DTypeOf<std::int32_t> : std::integral_constant<DType, DType::i32> {};
template <>
struct DTypeOf<std::int64_t> : std::integral_constant<DType, DType::i64> {};
template <>
struct DTypeOf<std::uint8_t> : std::integral_constant<DType, DType::u8> {};

template <class T>
concept Element = requires {
  DTypeOf<std::remove_const_t<T>>::value;
};

template <Element T>
inline constexpr DType dtype_of = DTypeOf<std::remove_const_t<T>>::value;

/// Bytes of one element.
constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::u8:
      return 1;
  }
  return 0;
}

/// Calls f.template operator()<T>() for the T of Ts whose dtype is `t`:
///   with_type<float, Bf16>(a.x.type(), "rmsnorm_forward", [&]<class X>() { rows<X>(ex, a); });
template <class... Ts, class F>
void with_type(DType t, const char* what, F&& f) {
  const bool hit = ((dtype_of<Ts> == t ? (f.template operator()<Ts>(), true) : false) || ...);
  require(hit, Fault::bug, "{}: dtype {} is not supported", what, enum_name(t));
}

}  // namespace mneme
