// Vector helpers on Google Highway, for *_simd.cpp files: included once per target by
// foreach_target, hence no ordinary include guard. Everything here is inlined into functions of one
// target.
#if defined(MNEME_KERNELS_SIMD_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MNEME_KERNELS_SIMD_H_
#undef MNEME_KERNELS_SIMD_H_
#else
#define MNEME_KERNELS_SIMD_H_
#endif

#include <cstddef>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The widest vector of f32, and a single lane for what is left at the end of a row: the same
/// operations, so that an element's bits do not depend on where a row was cut.
using Wide = hn::ScalableTag<float>;
using Single = hn::CappedTag<float, 1>;

/// Calls f(d, i) on whole vectors from i = 0 on, then on single elements up to n. Lambdas given
/// here are marked HWY_ATTR.
template <class F>
HWY_INLINE void for_lanes(std::size_t n, const F& f) {
  const Wide wide;
  const Single single;
  const std::size_t lanes = hn::Lanes(wide);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) f(wide, i);
  for (; i < n; ++i) f(single, i);
}

/// sum over i < n of f(d, i), which gives a vector of terms: four running vectors over whole
/// blocks, then single vectors, then single elements. The order depends on n and the target only.
template <class F>
HWY_INLINE float sum_lanes(std::size_t n, const F& f) {
  const Wide d;
  const Single single;
  const std::size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d);
  auto s1 = hn::Zero(d);
  auto s2 = hn::Zero(d);
  auto s3 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::Add(s0, f(d, i));
    s1 = hn::Add(s1, f(d, i + lanes));
    s2 = hn::Add(s2, f(d, i + 2 * lanes));
    s3 = hn::Add(s3, f(d, i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) s0 = hn::Add(s0, f(d, i));
  const auto all = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  float sum = hn::GetLane(hn::SumOfLanes(d, all));
  for (; i < n; ++i) sum += hn::GetLane(f(single, i));
  return sum;
}

/// exp(x) for x <= 88 within 2.5 units of the last place; 0 where it is below the smallest normal
/// number (x < -87.33); NaN stays NaN. Half as many instructions as Highway's Exp, which has no
/// bound above and keeps denormals: softmax and sigmoid need neither, and spend their time here.
/// x = n*ln2 + r, |r| <= ln2/2: exp(r) by a polynomial (Cephes, expf), n added to the exponent.
template <class D, class V>
HWY_INLINE V exp_lanes(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V magic = hn::Set(d, 12582912.0F);  // 1.5 * 2^23: adding it rounds to a whole number n
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504089F), magic);
  const V n = hn::Sub(shifted, magic);
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), x);  // ln2 in two parts, the first exact times n
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
  V p = hn::MulAdd(hn::Set(d, 1.9875691500e-4F), r, hn::Set(d, 1.3981999507e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1F));
  p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, 1.0F));
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted));  // magic's own bits fall off
  const V y = hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.33F)), y);
}

/// 1 / (1 + exp(-x)) within a few ulp for any x, without overflow: exp is taken of -|x| only.
template <class D, class V>
HWY_INLINE V sigmoid_lanes(D d, V x) {
  const V one = hn::Set(d, 1.0F);
  const V e = exp_lanes(d, hn::Neg(hn::Abs(x)));
  const V top = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  return hn::Div(top, hn::Add(one, e));
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // once per target
