#include "kernels/optim/adamw_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optim/adamw_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/optim/adamw_simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

void adamw_elements(std::size_t n,
                    const AdamWFactors& factors,
                    const float* HWY_RESTRICT grad,
                    float* HWY_RESTRICT weight,
                    float* HWY_RESTRICT m,
                    float* HWY_RESTRICT v) {
  const AdamWFactors f = factors;
  for_lanes(n, [=](auto d, std::size_t i) HWY_ATTR {
    auto wi = hn::LoadU(d, weight + i);
    auto mi = hn::LoadU(d, m + i);
    auto vi = hn::LoadU(d, v + i);
    adamw_lanes(d, f, hn::LoadU(d, grad + i), wi, mi, vi);
    hn::StoreU(wi, d, weight + i);
    hn::StoreU(mi, d, m + i);
    hn::StoreU(vi, d, v + i);
  });
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(adamw_elements);
void adamw_elements(std::size_t n,
                    const AdamWFactors& factors,
                    const float* grad,
                    float* weight,
                    float* m,
                    float* v) {
  HWY_DYNAMIC_DISPATCH(adamw_elements)(n, factors, grad, weight, m, v);
}

}  // namespace mneme::cpu
#endif
