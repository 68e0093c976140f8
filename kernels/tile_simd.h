// A small matrix product on vectors, for *_simd.cpp files (see kernels/simd.h): the core of
// attention and of the matrix products without oneDNN.
#if defined(MNEME_KERNELS_TILE_SIMD_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MNEME_KERNELS_TILE_SIMD_H_
#undef MNEME_KERNELS_TILE_SIMD_H_
#else
#define MNEME_KERNELS_TILE_SIMD_H_
#endif

#include <cstddef>

#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

/// c[i,j] = sum_l a(i,l) * b[l,j]  (+ c[i,j] as it was), with a(i,l) = a[i*a_row + l*a_column].
/// Each element is one chain of fused additions over l in order, on top of c if it accumulates.
struct TileProduct {
  std::size_t m = 0;
  std::size_t n = 0;
  std::size_t k = 0;
  const float* a = nullptr;
  std::size_t a_row = 0;
  std::size_t a_column = 0;
  const float* b = nullptr;
  std::size_t b_row = 0;  // elements from one row of b to the next
  float* c = nullptr;
  std::size_t c_row = 0;
  bool accumulate = false;
};

/// `rows` rows and `vectors` vectors of columns from (i, j) on, all in registers.
template <std::size_t rows, std::size_t vectors, class D>
HWY_INLINE void tile_in_registers(D d, const TileProduct& p, std::size_t i, std::size_t j) {
  using V = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  V sum[rows][vectors];
  float* const c = p.c + i * p.c_row + j;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t v = 0; v < vectors; ++v) {
      sum[r][v] = p.accumulate ? hn::LoadU(d, c + r * p.c_row + v * lanes) : hn::Zero(d);
    }
  }
  const float* a = p.a + i * p.a_row;
  const float* b = p.b + j;
  const std::size_t a_row = p.a_row;
  const std::size_t a_column = p.a_column;
  const std::size_t b_row = p.b_row;
  for (std::size_t l = p.k; l > 0; --l, a += a_column, b += b_row) {
    V right[vectors];
    for (std::size_t v = 0; v < vectors; ++v) right[v] = hn::LoadU(d, b + v * lanes);
    for (std::size_t r = 0; r < rows; ++r) {
      const V left = hn::Set(d, a[r * a_row]);
      for (std::size_t v = 0; v < vectors; ++v) {
        sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
      }
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t v = 0; v < vectors; ++v) {
      hn::StoreU(sum[r][v], d, c + r * p.c_row + v * lanes);
    }
  }
}

/// All rows of some columns: as many at once as the registers hold, then halves of that.
template <std::size_t vectors, class D>
HWY_INLINE void tile_columns(D d, const TileProduct& p, std::size_t j) {
  constexpr std::size_t most = hn::MaxLanes(Wide()) >= 16 ? 8 : 4;
  std::size_t i = 0;
  for (; i + most <= p.m; i += most) tile_in_registers<most, vectors>(d, p, i, j);
  if constexpr (most == 8) {
    if (i + 4 <= p.m) {
      tile_in_registers<4, vectors>(d, p, i, j);
      i += 4;
    }
  }
  if (i + 2 <= p.m) {
    tile_in_registers<2, vectors>(d, p, i, j);
    i += 2;
  }
  if (i < p.m) tile_in_registers<1, vectors>(d, p, i, j);
}

HWY_INLINE void tile_product(const TileProduct& p) {
  const Wide wide;
  const Single single;
  const std::size_t lanes = hn::Lanes(wide);
  std::size_t j = 0;
  for (; j + 2 * lanes <= p.n; j += 2 * lanes) tile_columns<2>(wide, p, j);
  for (; j + lanes <= p.n; j += lanes) tile_columns<1>(wide, p, j);
  for (; j < p.n; ++j) tile_columns<1>(single, p, j);
}

/// to[j][i] = factor * from[i][j], i < rows, j < columns.
struct Transposition {
  std::size_t rows = 0;
  std::size_t columns = 0;
  const float* from = nullptr;
  std::size_t from_row = 0;
  float* to = nullptr;
  std::size_t to_row = 0;
  float factor = 1;
};

HWY_INLINE void transpose(const Transposition& t) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  const auto factor = hn::Set(d, t.factor);
  for (; i + 4 <= t.rows; i += 4) {
    const float* from = t.from + i * t.from_row;
    float* to = t.to + i;
    std::size_t j = 0;
    for (; j + 4 <= t.columns; j += 4) {
      const auto r0 = hn::Mul(hn::LoadU(d, from + j), factor);
      const auto r1 = hn::Mul(hn::LoadU(d, from + t.from_row + j), factor);
      const auto r2 = hn::Mul(hn::LoadU(d, from + 2 * t.from_row + j), factor);
      const auto r3 = hn::Mul(hn::LoadU(d, from + 3 * t.from_row + j), factor);
      const auto low01 = hn::InterleaveLower(d, r0, r1);
      const auto low23 = hn::InterleaveLower(d, r2, r3);
      const auto high01 = hn::InterleaveUpper(d, r0, r1);
      const auto high23 = hn::InterleaveUpper(d, r2, r3);
      hn::StoreU(hn::ConcatLowerLower(d, low23, low01), d, to + j * t.to_row);
      hn::StoreU(hn::ConcatUpperUpper(d, low23, low01), d, to + (j + 1) * t.to_row);
      hn::StoreU(hn::ConcatLowerLower(d, high23, high01), d, to + (j + 2) * t.to_row);
      hn::StoreU(hn::ConcatUpperUpper(d, high23, high01), d, to + (j + 3) * t.to_row);
    }
    for (; j < t.columns; ++j) {
      for (std::size_t r = 0; r < 4; ++r)
        to[j * t.to_row + r] = t.factor * from[r * t.from_row + j];
    }
  }
#endif
  for (; i < t.rows; ++i) {
    for (std::size_t j = 0; j < t.columns; ++j) {
      t.to[j * t.to_row + i] = t.factor * t.from[i * t.from_row + j];
    }
  }
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // once per target
