#pragma once

#include <bit>
#include <cstdint>

namespace mneme {

/// bfloat16 storage: the upper half of an f32. Arithmetic is done in f32.
struct Bf16 {
  std::uint16_t bits = 0;
  friend bool operator==(const Bf16&, const Bf16&) = default;
};

/// Exact.
constexpr float to_f32(Bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16U);
}
constexpr float to_f32(float x) {
  return x;
}

/// Round to nearest, ties to even; NaN stays NaN.
constexpr Bf16 to_bf16(float x) {
  const auto u = std::bit_cast<std::uint32_t>(x);
  if ((u & 0x7fffffffU) > 0x7f800000U) return {static_cast<std::uint16_t>((u >> 16U) | 0x40U)};
  return {static_cast<std::uint16_t>((u + 0x7fffU + ((u >> 16U) & 1U)) >> 16U)};
}

/// Stochastic rounding: up with a probability equal to the lost fraction. `noise` is 16 random
/// bits.
constexpr Bf16 to_bf16_stochastic(float x, std::uint32_t noise) {
  const auto u = std::bit_cast<std::uint32_t>(x);
  if ((u & 0x7f800000U) == 0x7f800000U) return to_bf16(x);  // infinity and NaN stay as they are
  return {static_cast<std::uint16_t>((u + (noise & 0xffffU)) >> 16U)};
}

template <class X>
constexpr X from_f32(float x);
template <>
constexpr float from_f32<float>(float x) {
  return x;
}
template <>
constexpr Bf16 from_f32<Bf16>(float x) {
  return to_bf16(x);
}

}  // namespace mneme
