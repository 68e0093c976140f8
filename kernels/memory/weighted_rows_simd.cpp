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
constexpr std::size_t lines_ahead = 64;
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
  const std::size_t ahead =
      std::max<std::size_t>(2, lines_ahead * line_bytes / (count * lanes * sizeof(float)) / 1);
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

/// `count` rows against one vector: as many sums at once, each of one running vector.
template <std::size_t count, class X>
HWY_INLINE void dot_block(const float* HWY_RESTRICT a,
                          const X* const* rows,
                          std::size_t width,
                          float* HWY_RESTRICT dots) {
  const Wide d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<Wide> s[count];
  for (std::size_t u = 0; u < count; ++u) s[u] = hn::Zero(d);
  std::size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    const auto x = hn::LoadU(d, a + c);
    for (std::size_t u = 0; u < count; ++u) s[u] = hn::MulAdd(x, load_row(d, rows[u] + c), s[u]);
  }
  for (std::size_t u = 0; u < count; ++u) {
    float sum = hn::GetLane(hn::SumOfLanes(d, s[u]));
    for (std::size_t tail = c; tail < width; ++tail) sum += a[tail] * to_f32(rows[u][tail]);
    dots[u] = sum;
  }
}

template <class X>
HWY_INLINE void dot_all(const RowReads<X>& r, const float* a, float* dots) {
  constexpr std::size_t at_once = 4;
  const std::size_t all = r.tokens * r.reads;
  const std::size_t lines = r.width * sizeof(X) / line_bytes + 1;
  const std::size_t ahead = std::max<std::size_t>(at_once, lines_ahead / lines);
  const auto row = [&](std::size_t i)
                       HWY_ATTR { return r.table + static_cast<std::size_t>(r.rows[i]) * r.width; };
  for (std::size_t t = 0; t < r.tokens; ++t) {
    const float* x = a + t * r.width;
    std::size_t i = t * r.reads;
    const std::size_t end = i + r.reads;
    while (i < end) {
      const std::size_t n = i + at_once <= end ? at_once : 1;
      const X* rows[at_once];
      for (std::size_t u = 0; u < n; ++u) {
        rows[u] = row(i + u);
        if (i + u + ahead < all) prefetch_row(row(i + u + ahead), r.width);
      }
      if (n == at_once) {
        dot_block<at_once>(x, rows, r.width, dots + i);
      } else {
        dot_block<1>(x, rows, r.width, dots + i);
      }
      i += n;
    }
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
