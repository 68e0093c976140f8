#include <algorithm>

#include "kernels/memory/weighted_rows.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/memory/weighted_rows_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

/// Accumulators kept in registers: as many as leave some for the arithmetic.
constexpr std::size_t most_vectors = HWY_MAX_BYTES >= 64 ? 16 : 8;
/// Cache lines on their way from memory at once: a row's lines are asked for that much ahead.
constexpr std::size_t lines_ahead = 128;
constexpr std::size_t line_bytes = 64;

template <class D>
HWY_INLINE hn::Vec<D> load_row(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load_row(D d, const Bf16* p) {
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  const auto bits = hn::LoadU(d16, reinterpret_cast<const std::uint16_t*>(p));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, bits)));
}

template <class X>
HWY_INLINE void prefetch_row(const X* p, std::size_t columns) {
  const auto* bytes = reinterpret_cast<const char*>(p);
  for (std::size_t b = 0; b < columns * sizeof(X); b += line_bytes) {
    __builtin_prefetch(bytes + b, 0, 3);
  }
}

/// Terms as they are given one by one.
struct TermList {
  const RowTerm* terms;
  HWY_INLINE const float* row(std::size_t i) const { return terms[i].row; }
  HWY_INLINE float weight(std::size_t i) const { return terms[i].weight; }
};

/// The reads of one token from a table.
template <class X>
struct TableReads {
  const X* table;
  std::size_t width;
  const std::int32_t* rows;
  const float* weights;
  HWY_INLINE const X* row(std::size_t i) const {
    return table + static_cast<std::size_t>(rows[i]) * width;
  }
  HWY_INLINE float weight(std::size_t i) const { return weights[i]; }
};

/// Columns [first, first + count*lanes) of a sum, held in registers over all terms.
template <std::size_t count, class D, class Terms>
HWY_INLINE void add_block(D d,
                          const Terms& terms,
                          std::size_t n,
                          std::size_t n_prefetched,
                          std::size_t first,
                          bool fresh,
                          float* HWY_RESTRICT sum) {
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<D> s[count];
  for (std::size_t u = 0; u < count; ++u) {
    s[u] = fresh ? hn::Zero(d) : hn::LoadU(d, sum + first + u * lanes);
  }
  const std::size_t block_bytes = count * lanes * sizeof(*terms.row(0));
  const std::size_t ahead = std::clamp<std::size_t>(lines_ahead * line_bytes / block_bytes, 2, 32);
  for (std::size_t i = 0; i < n; ++i) {
    if (i + ahead < n_prefetched) prefetch_row(terms.row(i + ahead) + first, count * lanes);
    const auto* row = terms.row(i) + first;
    const auto weight = hn::Set(d, terms.weight(i));
    for (std::size_t u = 0; u < count; ++u) {
      s[u] = hn::MulAdd(weight, load_row(d, row + u * lanes), s[u]);
    }
  }
  for (std::size_t u = 0; u < count; ++u) hn::StoreU(s[u], d, sum + first + u * lanes);
}

/// All columns of a sum, in the widest blocks that fit: a column's bits do not depend on them.
template <class Terms>
HWY_INLINE void add_columns(const Terms& terms,
                            std::size_t n,
                            std::size_t n_prefetched,
                            std::size_t width,
                            bool fresh,
                            float* HWY_RESTRICT sum) {
  const Wide d;
  const hn::CappedTag<float, 4> quarter;
  const Single single;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t four = hn::Lanes(quarter);
  std::size_t c = 0;
  for (; c + most_vectors * lanes <= width; c += most_vectors * lanes) {
    add_block<most_vectors>(d, terms, n, n_prefetched, c, fresh, sum);
  }
  for (; c + most_vectors / 2 * lanes <= width; c += most_vectors / 2 * lanes) {
    add_block<most_vectors / 2>(d, terms, n, n_prefetched, c, fresh, sum);
  }
  for (; c + most_vectors / 4 * lanes <= width; c += most_vectors / 4 * lanes) {
    add_block<most_vectors / 4>(d, terms, n, n_prefetched, c, fresh, sum);
  }
  for (; c + lanes <= width; c += lanes) add_block<1>(d, terms, n, n_prefetched, c, fresh, sum);
  for (; c + four <= width; c += four) add_block<1>(quarter, terms, n, n_prefetched, c, fresh, sum);
  for (; c < width; ++c) add_block<1>(single, terms, n, n_prefetched, c, fresh, sum);
}

void add_rows(const RowTerm* terms,
              std::size_t count,
              std::size_t after,
              std::size_t width,
              bool fresh,
              float* sum) {
  add_columns(TermList{terms}, count, count + after, width, fresh, sum);
}

template <class X>
HWY_INLINE void read_all(const RowReads<X>& r, const float* weights, float* out) {
  const std::size_t all = r.tokens * r.reads;
  for (std::size_t t = 0; t < r.tokens; ++t) {
    const std::size_t first = t * r.reads;
    const TableReads<X> terms{r.table, r.width, r.rows + first, weights + first};
    add_columns(terms, r.reads, all - first, r.width, true, out + t * r.width);
  }
}
void read_f32(const RowReads<float>& r, const float* weights, float* out) {
  read_all(r, weights, out);
}
void read_bf16(const RowReads<Bf16>& r, const float* weights, float* out) {
  read_all(r, weights, out);
}

/// Reads in runs of equal source: evaluation only, where few rows lag behind.
template <class X>
HWY_INLINE void read_all_patched(const RowReads<X>& r,
                                 const RowPatch& p,
                                 const float* weights,
                                 float* out) {
  for (std::size_t t = 0; t < r.tokens; ++t) {
    const std::size_t end = (t + 1) * r.reads;
    float* y = out + t * r.width;
    std::fill_n(y, r.width, 0.0F);
    for (std::size_t i = t * r.reads; i < end;) {
      const bool patched = p.patch_of_read[i] >= 0;
      std::size_t next = i + 1;
      while (next < end && (p.patch_of_read[next] >= 0) == patched) ++next;
      if (patched) {
        const TableReads<float> terms{p.patch, r.width, p.patch_of_read + i, weights + i};
        add_columns(terms, next - i, next - i, r.width, false, y);
      } else {
        const TableReads<X> terms{r.table, r.width, r.rows + i, weights + i};
        add_columns(terms, next - i, next - i, r.width, false, y);
      }
      i = next;
    }
  }
}
void patched_f32(const RowReads<float>& r, const RowPatch& p, const float* weights, float* out) {
  read_all_patched(r, p, weights, out);
}
void patched_bf16(const RowReads<Bf16>& r, const RowPatch& p, const float* weights, float* out) {
  read_all_patched(r, p, weights, out);
}

/// a . row for what a row has behind its last whole vector.
template <class X>
HWY_NOINLINE void add_dot_tail(
    const float* a, const X* row, std::size_t first, std::size_t width, float* dot) {
  const Single d;
  auto s = hn::LoadU(d, dot);
  for (; first < width; ++first)
    s = hn::MulAdd(hn::LoadU(d, a + first), load_row(d, row + first), s);
  hn::StoreU(s, d, dot);
}

template <class X>
HWY_INLINE void dot_one(const float* HWY_RESTRICT a,
                        const X* HWY_RESTRICT row,
                        std::size_t width,
                        float* HWY_RESTRICT dot) {
  const Wide d;
  const std::size_t lanes = hn::Lanes(d);
  auto s = hn::Zero(d);
  std::size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    s = hn::MulAdd(hn::LoadU(d, a + c), load_row(d, row + c), s);
  }
  *dot = hn::GetLane(hn::SumOfLanes(d, s));
  if (c < width) add_dot_tail(a, row, c, width, dot);
}

/// Four rows against one vector: the same sums as dot_one's, four at once.
template <class X>
HWY_INLINE void dot_four(const float* HWY_RESTRICT a,
                         const X* HWY_RESTRICT row0,
                         const X* HWY_RESTRICT row1,
                         const X* HWY_RESTRICT row2,
                         const X* HWY_RESTRICT row3,
                         std::size_t width,
                         float* HWY_RESTRICT dots) {
  const Wide d;
  const std::size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d);
  auto s1 = hn::Zero(d);
  auto s2 = hn::Zero(d);
  auto s3 = hn::Zero(d);
  std::size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    const auto x = hn::LoadU(d, a + c);
    s0 = hn::MulAdd(x, load_row(d, row0 + c), s0);
    s1 = hn::MulAdd(x, load_row(d, row1 + c), s1);
    s2 = hn::MulAdd(x, load_row(d, row2 + c), s2);
    s3 = hn::MulAdd(x, load_row(d, row3 + c), s3);
  }
  dots[0] = hn::GetLane(hn::SumOfLanes(d, s0));
  dots[1] = hn::GetLane(hn::SumOfLanes(d, s1));
  dots[2] = hn::GetLane(hn::SumOfLanes(d, s2));
  dots[3] = hn::GetLane(hn::SumOfLanes(d, s3));
  if (c == width) return;
  add_dot_tail(a, row0, c, width, dots);
  add_dot_tail(a, row1, c, width, dots + 1);
  add_dot_tail(a, row2, c, width, dots + 2);
  add_dot_tail(a, row3, c, width, dots + 3);
}

template <class X>
HWY_INLINE void dot_all(const RowReads<X>& r, const float* a, float* dots) {
  const std::size_t all = r.tokens * r.reads;
  const std::size_t width = r.width;
  const std::size_t lines = width * sizeof(X) / line_bytes + 1;
  const std::size_t ahead = std::clamp<std::size_t>(lines_ahead / lines, 4, 32);
  const X* table = r.table;
  const std::int32_t* rows = r.rows;
  const auto row = [=](std::size_t i)
                       HWY_ATTR { return table + static_cast<std::size_t>(rows[i]) * width; };
  for (std::size_t t = 0; t < r.tokens; ++t) {
    const float* x = a + t * width;
    const std::size_t end = (t + 1) * r.reads;
    std::size_t i = t * r.reads;
    for (; i + 4 <= end; i += 4) {
      for (std::size_t u = i + ahead; u < std::min(i + ahead + 4, all); ++u) {
        prefetch_row(row(u), width);
      }
      dot_four(x, row(i), row(i + 1), row(i + 2), row(i + 3), width, dots + i);
    }
    for (; i < end; ++i) dot_one(x, row(i), width, dots + i);
  }
}
void dot_f32(const RowReads<float>& r, const float* a, float* dots) {
  dot_all(r, a, dots);
}
void dot_bf16(const RowReads<Bf16>& r, const float* a, float* dots) {
  dot_all(r, a, dots);
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(add_rows);
void add_rows(const RowTerm* terms,
              std::size_t count,
              std::size_t after,
              std::size_t width,
              bool fresh,
              float* sum) {
  HWY_DYNAMIC_DISPATCH(add_rows)(terms, count, after, width, fresh, sum);
}

HWY_EXPORT(read_f32);
void read_rows(const RowReads<float>& r, const float* weights, float* out) {
  HWY_DYNAMIC_DISPATCH(read_f32)(r, weights, out);
}
HWY_EXPORT(read_bf16);
void read_rows(const RowReads<Bf16>& r, const float* weights, float* out) {
  HWY_DYNAMIC_DISPATCH(read_bf16)(r, weights, out);
}

HWY_EXPORT(patched_f32);
void read_rows_patched(const RowReads<float>& r,
                       const RowPatch& p,
                       const float* weights,
                       float* out) {
  HWY_DYNAMIC_DISPATCH(patched_f32)(r, p, weights, out);
}
HWY_EXPORT(patched_bf16);
void read_rows_patched(const RowReads<Bf16>& r,
                       const RowPatch& p,
                       const float* weights,
                       float* out) {
  HWY_DYNAMIC_DISPATCH(patched_bf16)(r, p, weights, out);
}

HWY_EXPORT(dot_f32);
void dot_rows(const RowReads<float>& r, const float* a, float* dots) {
  HWY_DYNAMIC_DISPATCH(dot_f32)(r, a, dots);
}
HWY_EXPORT(dot_bf16);
void dot_rows(const RowReads<Bf16>& r, const float* a, float* dots) {
  HWY_DYNAMIC_DISPATCH(dot_bf16)(r, a, dots);
}

}  // namespace mneme::cpu
#endif
