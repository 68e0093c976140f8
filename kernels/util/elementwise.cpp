#include "kernels/util/elementwise.h"

#include <algorithm>
#include <cstring>

#include "kernels/checks.h"
#include "kernels/parallel.h"
#include "kernels/util/elementwise_loops.h"

#include "base/bf16.h"
#include "base/scope.h"

namespace mneme {
namespace {

/// Elements of one partial sum; sums are taken per block, then over blocks in order.
constexpr std::int64_t sum_block = 65536;

/// Sum in f64 over x of what `elements` gives for each block.
template <class F>
double sum_in_blocks(Exec& ex, ConstView x, const char* label, const F& elements) {
  const std::int64_t blocks = ceil_div(x.count(), sum_block);
  const auto mark = ex.scratch.mark();
  const View partial = ex.scratch.take(DType::f64, {blocks}, label);
  if (ex.measuring()) return 0;
  double* sums = partial.ptr<double>();
  const float* p = x.ptr<const float>();
  cpu::parallel_blocks(ex, blocks, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t b = first; b < last; ++b) {
      const std::int64_t start = b * sum_block;
      sums[b] = elements(size_of(std::min(sum_block, x.count() - start)), p + start);
    }
  });
  double sum = 0;
  for (std::int64_t b = 0; b < blocks; ++b) sum += sums[b];
  return sum;
}

template <class X, class Y>
void cast_elements(Exec& ex, ConstView x, View y) {
  const X* from = x.ptr<const X>();
  Y* to = y.ptr<Y>();
  cpu::parallel_blocks(ex, x.count(), cpu::elements_per_thread,
                       [=](std::int64_t first, std::int64_t last, int) {
                         for (std::int64_t i = first; i < last; ++i)
                           to[i] = from_f32<Y>(to_f32(from[i]));
                       });
}

}  // namespace

void add_to(Exec& ex, ConstView x, View y) {
  const Scope scope("add_to");
  require_tensor(x, DType::f32, y.shape(), "add_to", "x");
  require_f32(y, "add_to", "y");
  require_same_or_apart(x, y, "add_to", "x and y");
  if (ex.measuring()) return;
  const float* from = x.ptr<const float>();
  float* to = y.ptr<float>();
  cpu::parallel_blocks(ex, x.count(), cpu::elements_per_thread,
                       [=](std::int64_t first, std::int64_t last, int) {
                         cpu::add_elements(size_of(last - first), from + first, to + first);
                       });
}

void copy(Exec& ex, ConstView x, View y) {
  const Scope scope("copy");
  require_tensor(x, y.type(), y.shape(), "copy", "x");
  require_apart(x, y, "copy", "x and y");
  if (ex.measuring()) return;
  const std::byte* from = x.raw().data();
  std::byte* to = y.raw().data();
  cpu::parallel_blocks(ex, static_cast<std::int64_t>(x.bytes()), 4 * cpu::elements_per_thread,
                       [=](std::int64_t first, std::int64_t last, int) {
                         std::memcpy(to + first, from + first, size_of(last - first));
                       });
}

void zero(Exec& ex, View y) {
  const Scope scope("zero");
  require_tensor(y, y.type(), y.shape(), "zero", "y");
  if (ex.measuring()) return;
  std::byte* to = y.raw().data();
  cpu::parallel_blocks(ex, static_cast<std::int64_t>(y.bytes()), 4 * cpu::elements_per_thread,
                       [=](std::int64_t first, std::int64_t last, int) {
                         std::memset(to + first, 0, size_of(last - first));
                       });
}

void cast(Exec& ex, ConstView x, View y) {
  const Scope scope("cast");
  require_tensor(x, x.type(), y.shape(), "cast", "x");
  require_tensor(y, y.type(), y.shape(), "cast", "y");
  require_apart(x, y, "cast", "x and y");
  with_type<float, Bf16>(x.type(), "cast: x", [&]<class X>() {
    with_type<float, Bf16>(y.type(), "cast: y", [&]<class Y>() {
      if (!ex.measuring()) cast_elements<X, Y>(ex, x, y);
    });
  });
}

double sum_squares(Exec& ex, ConstView x) {
  const Scope scope("sum_squares");
  require_f32(x, "sum_squares", "x");
  return sum_in_blocks(ex, x, "sum_squares.partial", cpu::sum_squares_elements);
}

double sum(Exec& ex, ConstView x) {
  const Scope scope("sum");
  require_f32(x, "sum", "x");
  return sum_in_blocks(ex, x, "sum.partial", cpu::sum_elements);
}

}  // namespace mneme
