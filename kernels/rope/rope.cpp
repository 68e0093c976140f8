#include "kernels/rope/rope.h"

#include <algorithm>
#include <cmath>

#include "kernels/checks.h"
#include "kernels/parallel.h"
#include "kernels/rope/rope_loops.h"

#include "base/scope.h"

namespace mneme {
namespace {

/// Tokens that advance from one fresh angle; fixed, so that bits do not depend on threads.
constexpr std::int64_t run_tokens = 64;

}  // namespace

void Rope::validate() const {
  require(x.given() && x.shape().rank() == 3, Fault::bug, "rope: x is {}, wanted (T, heads, w)",
          to_string(x.shape()));
  require_f32(x, "rope", "x");
  require_tensor(positions, DType::i32, {x.extent(0)}, "rope", "positions");
  require(x.extent(2) % 2 == 0, Fault::bug, "rope: heads are {} wide, wanted an even width",
          x.extent(2));
  require(rotated >= 0 && rotated <= x.extent(1), Fault::bug, "rope: {} of {} heads are to turn",
          rotated, x.extent(1));
  require(theta > 1, Fault::bug, "rope: theta = {}, wanted more than 1", theta);
}

void rope(Exec& ex, const Rope& a) {
  const Scope scope("rope");
  a.validate();
  const std::int64_t tokens = a.x.extent(0);
  const std::int64_t heads = a.x.extent(1);
  const std::int64_t width = a.x.extent(2);
  const std::int64_t half = width / 2;
  const auto mark = ex.scratch.mark();
  const View angles = ex.scratch.take(DType::f64, {3, half}, "rope.angles");
  const View turns = ex.scratch.take(DType::f64, {ex.threads, width}, "rope.turns");
  const View rounded = ex.scratch.take(DType::f32, {ex.threads, width}, "rope.turns");
  if (ex.measuring()) return;

  double* frequency = angles.ptr<double>();
  for (std::int64_t i = 0; i < half; ++i) {
    frequency[i] = std::pow(a.theta, -2.0 * static_cast<double>(i) / static_cast<double>(width));
    frequency[half + i] = std::cos(frequency[i]);
    frequency[2 * half + i] = std::sin(frequency[i]);
  }
  float* x = a.x.ptr<float>();
  const std::int32_t* positions = a.positions.ptr<const std::int32_t>();
  double* turn = turns.ptr<double>();
  float* turn_in_f32 = rounded.ptr<float>();
  cpu::parallel_blocks(ex, ceil_div(tokens, run_tokens),
                       [&](std::int64_t first, std::int64_t last, int thread) {
                         for (std::int64_t run = first; run < last; ++run) {
                           const std::int64_t t = run * run_tokens;
                           cpu::rope_tokens({.tokens = std::min(run_tokens, tokens - t),
                                             .heads = heads,
                                             .rotated = a.rotated,
                                             .width = width,
                                             .x = x + t * heads * width,
                                             .positions = positions + t,
                                             .frequency = frequency,
                                             .unit_cos = frequency + half,
                                             .unit_sin = frequency + 2 * half,
                                             .turn = turn + thread * width,
                                             .turn_in_f32 = turn_in_f32 + thread * width,
                                             .inverse = a.inverse});
                         }
                       });
}

}  // namespace mneme
