// AdamW on vectors, for *_simd.cpp files (see kernels/simd.h): the one place of the update's
// arithmetic on the CPU, for the dense parameters and the pool.
#if defined(MNEME_KERNELS_OPTIM_ADAMW_SIMD_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MNEME_KERNELS_OPTIM_ADAMW_SIMD_H_
#undef MNEME_KERNELS_OPTIM_ADAMW_SIMD_H_
#else
#define MNEME_KERNELS_OPTIM_ADAMW_SIMD_H_
#endif

#include "kernels/optim/adamw_math.h"
#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

/// One step on a vector of elements; `g` is the gradient before grad_scale.
template <class D, class V>
HWY_INLINE void adamw_lanes(D d, const AdamWFactors& f, V g, V& w, V& m, V& v) {
  g = hn::Mul(g, hn::Set(d, f.grad_scale));
  m = hn::MulAdd(hn::Set(d, f.rest1), g, hn::Mul(hn::Set(d, f.beta1), m));
  v = hn::MulAdd(hn::Set(d, f.rest2), hn::Mul(g, g), hn::Mul(hn::Set(d, f.beta2), v));
  w = hn::NegMulAdd(hn::Set(d, f.decay), w, w);
  const V root = hn::MulAdd(hn::Sqrt(v), hn::Set(d, f.root_scale), hn::Set(d, f.eps));
  w = hn::Sub(w, hn::Div(hn::Mul(hn::Set(d, f.step_size), m), root));
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // once per target
