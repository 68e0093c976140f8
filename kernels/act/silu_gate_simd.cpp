#include "kernels/act/silu_gate_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/act/silu_gate_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

void silu_gate_elements_forward(std::size_t n, const float* y, const float* u, float* z) {
  for_lanes(n, [=](auto d, std::size_t i) HWY_ATTR {
    const auto vu = hn::LoadU(d, u + i);
    const auto silu = hn::Mul(vu, sigmoid_lanes(d, vu));
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), silu), d, z + i);
  });
}

/// silu'(u) = s * (1 + u*(1 - s)), s = sigmoid(u)
void silu_gate_elements_backward(
    std::size_t n, const float* dz, const float* y, const float* u, float* dy, float* du) {
  for_lanes(n, [=](auto d, std::size_t i) HWY_ATTR {
    const auto one = hn::Set(d, 1.0F);
    const auto vu = hn::LoadU(d, u + i);
    const auto vdz = hn::LoadU(d, dz + i);
    const auto s = sigmoid_lanes(d, vu);
    const auto slope = hn::Mul(s, hn::MulAdd(vu, hn::Sub(one, s), one));
    const auto out_u = hn::Mul(hn::Mul(vdz, hn::LoadU(d, y + i)), slope);
    hn::StoreU(hn::Mul(vdz, hn::Mul(vu, s)), d, dy + i);
    hn::StoreU(out_u, d, du + i);
  });
}

void scale_elements(std::size_t n, float factor, const float* y, float* out) {
  for_lanes(n, [=](auto d, std::size_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::Set(d, factor), hn::LoadU(d, y + i)), d, out + i);
  });
}

float dot_elements(std::size_t n, const float* a, const float* b) {
  return sum_lanes(n, [=](auto d, std::size_t i)
                          HWY_ATTR { return hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, b + i)); });
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(silu_gate_elements_forward);
void silu_gate_elements_forward(std::size_t n, const float* y, const float* u, float* z) {
  HWY_DYNAMIC_DISPATCH(silu_gate_elements_forward)(n, y, u, z);
}

HWY_EXPORT(silu_gate_elements_backward);
void silu_gate_elements_backward(
    std::size_t n, const float* dz, const float* y, const float* u, float* dy, float* du) {
  HWY_DYNAMIC_DISPATCH(silu_gate_elements_backward)(n, dz, y, u, dy, du);
}

HWY_EXPORT(scale_elements);
void scale_elements(std::size_t n, float factor, const float* y, float* out) {
  HWY_DYNAMIC_DISPATCH(scale_elements)(n, factor, y, out);
}

HWY_EXPORT(dot_elements);
float dot_elements(std::size_t n, const float* a, const float* b) {
  return HWY_DYNAMIC_DISPATCH(dot_elements)(n, a, b);
}

}  // namespace mneme::cpu
#endif
