#include "kernels/memory/pool_replay.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/memory/pool_replay_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

/// One vector of elements through all steps; the formulas are those of PoolReplay.
template <class D>
HWY_INLINE void replay_vector(
    D d, ReplayChunks& chunks, float* HWY_RESTRICT w, const float* m, const float* v) {
  const auto m0 = hn::LoadU(d, m);
  const auto size0 = hn::Abs(m0);
  const auto root0 = hn::Sqrt(hn::LoadU(d, v));
  auto weight = hn::LoadU(d, w);
  auto moving = hn::Eq(hn::Zero(d), hn::Zero(d));
  for (std::size_t i = 0;; ++i) {
    const ReplayChunk& c = chunks.get(i);
    const auto eps = hn::Set(d, c.eps);
    const auto tail = hn::Mul(size0, hn::Set(d, c.tail));
    const auto half_ulp = hn::Mul(hn::Abs(weight), hn::Set(d, c.ulp));
    const auto root = hn::MulAdd(root0, hn::Set(d, c.root_now), eps);
    const auto small =
        hn::Or(hn::Le(hn::Mul(tail, hn::Set(d, c.tail_root)), hn::Mul(half_ulp, root)),
               hn::Le(hn::Mul(tail, hn::Set(d, c.tail_eps)), half_ulp));
    const auto stops = hn::And(moving, small);
    weight = hn::IfThenElse(stops, hn::Mul(weight, hn::Set(d, c.rest)), weight);
    moving = hn::AndNot(small, moving);
    if (hn::AllFalse(d, moving)) break;
    auto moved = weight;
    for (std::size_t k = 0; k < static_cast<std::size_t>(c.count); ++k) {
      moved = hn::NegMulAdd(hn::Set(d, c.decay[k]), moved, moved);
      const auto below = hn::MulAdd(root0, hn::Set(d, c.root[k]), eps);
      moved = hn::Sub(moved, hn::Div(hn::Mul(m0, hn::Set(d, c.move[k])), below));
    }
    weight = hn::IfThenElse(moving, moved, weight);
    if (c.is_last) break;
  }
  hn::StoreU(weight, d, w);
}

void replay_weights(
    ReplayChunks& chunks, std::size_t width, float* w, const float* m, const float* v) {
  const Wide wide;
  const hn::CappedTag<float, 4> quarter;
  const Single single;
  const std::size_t lanes = hn::Lanes(wide);
  const std::size_t four = hn::Lanes(quarter);
  std::size_t c = 0;
  for (; c + lanes <= width; c += lanes) replay_vector(wide, chunks, w + c, m + c, v + c);
  for (; c + four <= width; c += four) replay_vector(quarter, chunks, w + c, m + c, v + c);
  for (; c < width; ++c) replay_vector(single, chunks, w + c, m + c, v + c);
}

void scale_moments(
    std::size_t width, float factor1, float factor2, float* HWY_RESTRICT m, float* HWY_RESTRICT v) {
  for_lanes(width, [=](auto d, std::size_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, m + i), hn::Set(d, factor1)), d, m + i);
    hn::StoreU(hn::Mul(hn::LoadU(d, v + i), hn::Set(d, factor2)), d, v + i);
  });
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(replay_weights);
void replay_weights(
    ReplayChunks& chunks, std::size_t width, float* w, const float* m, const float* v) {
  HWY_DYNAMIC_DISPATCH(replay_weights)(chunks, width, w, m, v);
}

HWY_EXPORT(scale_moments);
void scale_moments(std::size_t width, float factor1, float factor2, float* m, float* v) {
  HWY_DYNAMIC_DISPATCH(scale_moments)(width, factor1, factor2, m, v);
}

}  // namespace mneme::cpu
#endif
