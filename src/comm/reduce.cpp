#include "comm/reduce.h"

#include <algorithm>
#include <type_traits>

namespace mneme {
namespace {

template <Reduce op, class X>
X combine(X a, X b) {
  if constexpr (op == Reduce::sum && std::is_integral_v<X>) {  // wraps round, as sums of hashes do
    using Unsigned = std::make_unsigned_t<X>;
    return static_cast<X>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  }
  if constexpr (op == Reduce::sum) return a + b;
  const bool b_wins = op == Reduce::max ? a < b : b < a;
  return b_wins || b != b ? b : a;  // b != b: NaN wins; a NaN in `a` loses no comparison
}

/// Tile by tile through a buffer in cache, so that `out` may be one of the pieces.
template <Reduce op, class X>
void reduce_typed(std::span<const ConstView> pieces, View out) {
  constexpr std::int64_t tile = 2048;
  std::array<X, tile> sum{};
  const std::int64_t n = out.count();
  X* const result = out.ptr<X>();
  for (std::int64_t first = 0; first < n; first += tile) {
    const std::int64_t count = std::min(tile, n - first);
    std::copy_n(pieces[0].ptr<const X>() + first, count, sum.begin());
    for (const ConstView& piece : pieces.subspan(1)) {
      const X* const x = piece.ptr<const X>() + first;
      for (std::int64_t i = 0; i < count; ++i) {
        sum[size_of(i)] = combine<op>(sum[size_of(i)], x[i]);
      }
    }
    std::copy_n(sum.begin(), count, result + first);
  }
}

}  // namespace

void require_reducible(DType type, const char* op) {
  const bool can =
      type == DType::f32 || type == DType::f64 || type == DType::i32 || type == DType::i64;
  require(can, Fault::bug, "{} of {}: only f32, f64, i32 and i64 can be reduced", op,
          enum_name(type));
}

void reduce_in_order(std::span<const ConstView> pieces, View out, Reduce op) {
  require(!pieces.empty(), Fault::bug, "a reduction of no pieces");
  for (const ConstView& piece : pieces) {
    require(piece.type() == out.type() && piece.count() == out.count(), Fault::bug,
            "a reduction of pieces of {} elements into {}", piece.count(), out.count());
  }
  with_type<float, double, std::int32_t, std::int64_t>(out.type(), "reduce", [&]<class X>() {
    if (op == Reduce::sum) reduce_typed<Reduce::sum, X>(pieces, out);
    if (op == Reduce::max) reduce_typed<Reduce::max, X>(pieces, out);
    if (op == Reduce::min) reduce_typed<Reduce::min, X>(pieces, out);
  });
}

}  // namespace mneme
