#include <algorithm>

#include "kernels/memory/lookup_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/memory/lookup_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

using Codes = hn::RebindToSigned<Wide>;

/// Queries scored at once against two vectors of keys: as many sums as hide the latency.
constexpr std::size_t most_queries = HWY_MAX_BYTES >= 64 ? 8 : 4;
constexpr std::size_t panel_vectors = 2;

HWY_INLINE hn::Vec<Codes> codes_of(hn::Vec<Wide> score) {
  const Wide d;
  const Codes di;
  const auto bits = hn::BitCast(di, hn::Add(score, hn::Zero(d)));  // -0 becomes +0
  const auto flip = hn::And(hn::ShiftRight<31>(bits), hn::Set(di, INT32_MAX));
  const auto is_number = hn::RebindMask(di, hn::Eq(score, score));
  return hn::IfThenElse(is_number, hn::Xor(bits, flip), hn::Set(di, no_code + 1));
}

HWY_INLINE float score_of(std::int32_t code) {
  const std::int32_t bits = code >= 0 ? code : code ^ INT32_MAX;
  float score = 0;
  hwy::CopyBytes<sizeof(float)>(&bits, &score);
  return score;
}

/// Panels of two vectors of keys: element e of all of them, then element e+1.
void pack_keys(const float* HWY_RESTRICT keys,
               std::size_t n,
               std::size_t first,
               std::size_t width,
               float* HWY_RESTRICT packed) {
  const std::size_t panel = panel_vectors * hn::Lanes(Wide());
  for (std::size_t p = 0; p < static_cast<std::size_t>(key_group); p += panel) {
    for (std::size_t i = 0; i < panel; ++i) {
      const std::size_t key = first + p + i;
      for (std::size_t e = 0; e < width; ++e) {
        packed[(p * width) + e * panel + i] = key < n ? keys[key * width + e] : 0.0F;
      }
    }
  }
}

/// `queries` rows against one panel.
template <std::size_t queries>
HWY_INLINE void score_panel(const ScoreTile& t,
                            std::size_t query,
                            std::size_t key,
                            std::int32_t* HWY_RESTRICT codes) {
  const Wide d;
  const Codes di;
  const std::size_t lanes = hn::Lanes(d);
  const float* HWY_RESTRICT panel = t.packed + key * t.width;
  const float* HWY_RESTRICT q = t.queries + query * t.stride;
  hn::Vec<Wide> s[queries][panel_vectors];
  for (auto& row : s) {
    for (auto& v : row) v = hn::Zero(d);
  }
  for (std::size_t e = 0; e < t.width; ++e) {
    const auto k0 = hn::LoadU(d, panel + e * panel_vectors * lanes);
    const auto k1 = hn::LoadU(d, panel + e * panel_vectors * lanes + lanes);
    for (std::size_t i = 0; i < queries; ++i) {
      const auto x = hn::Set(d, q[i * t.stride + e]);
      s[i][0] = hn::MulAdd(x, k0, s[i][0]);
      s[i][1] = hn::MulAdd(x, k1, s[i][1]);
    }
  }
  const auto scale = hn::Set(d, t.scale);
  for (std::size_t i = 0; i < queries; ++i) {
    std::int32_t* to = codes + (query + i) * t.padded + key;
    hn::StoreU(codes_of(hn::Mul(scale, s[i][0])), di, to);
    hn::StoreU(codes_of(hn::Mul(scale, s[i][1])), di, to + lanes);
  }
}

void score_codes(const ScoreTile& t, std::int32_t* codes) {
  const std::size_t panel = panel_vectors * hn::Lanes(Wide());
  for (std::size_t key = 0; key < t.padded; key += panel) {
    std::size_t query = 0;
    for (; query + most_queries <= t.tokens; query += most_queries) {
      score_panel<most_queries>(t, query, key, codes);
    }
    for (; query < t.tokens; ++query) score_panel<1>(t, query, key, codes);
  }
  for (std::size_t query = 0; query < t.tokens; ++query) {
    std::fill(codes + query * t.padded + t.count, codes + (query + 1) * t.padded, no_code);
  }
}

/// How many of n codes are at least `least`, which is above no_code.
HWY_INLINE std::size_t count_from(const std::int32_t* codes, std::size_t n, std::int32_t least) {
  const Codes d;
  const auto below = hn::Set(d, least - 1);
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    count += hn::CountTrue(d, hn::Gt(hn::LoadU(d, codes + i), below));
  }
  return count;
}

struct Bounds {
  std::int32_t low;   // at least k codes are not below it
  std::int32_t high;  // the largest code
};

/// The maxima of 4 vectors' worth of interleaved groups are as many codes: the smallest of them is
/// a bound for the k-th best, if k is not more.
HWY_INLINE Bounds bounds_of(const std::int32_t* codes, std::size_t n, std::size_t k) {
  const Codes d;
  const std::size_t lanes = hn::Lanes(d);
  auto a = hn::Set(d, no_code);
  auto b = a;
  auto c = a;
  auto e = a;
  for (std::size_t i = 0; i < n; i += 4 * lanes) {
    a = hn::Max(a, hn::LoadU(d, codes + i));
    b = hn::Max(b, hn::LoadU(d, codes + i + lanes));
    c = hn::Max(c, hn::LoadU(d, codes + i + 2 * lanes));
    e = hn::Max(e, hn::LoadU(d, codes + i + 3 * lanes));
  }
  const auto least = hn::Min(hn::Min(a, b), hn::Min(c, e));
  const auto most = hn::Max(hn::Max(a, b), hn::Max(c, e));
  const std::int32_t low = k <= 4 * lanes ? hn::GetLane(hn::MinOfLanes(d, least)) : no_code;
  return {std::max(low, no_code + 1), hn::GetLane(hn::MaxOfLanes(d, most))};
}

/// Keeps the codes from `least` on, in order; returns how many.
HWY_INLINE std::size_t collect(const std::int32_t* codes,
                               std::size_t n,
                               std::int32_t least,
                               const SelectionWork& work) {
  const Codes d;
  const auto below = hn::Set(d, least - 1);
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    const auto v = hn::LoadU(d, codes + i);
    const auto keep = hn::Gt(v, below);  // none or some: no branch that could not be foretold
    hn::StoreU(hn::Compress(v, keep), d, work.codes + count);
    hn::StoreU(hn::Compress(hn::Iota(d, static_cast<std::int32_t>(i)), keep), d,
               work.indices + count);
    count += hn::CountTrue(d, keep);
  }
  return count;
}

/// ranks[i] = how many of the n kept codes come before code i.
HWY_INLINE void rank(std::size_t n, const SelectionWork& work) {
  const Codes d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < n; i += lanes) {
    const auto mine = hn::LoadU(d, work.codes + i);
    const auto place = hn::Iota(d, static_cast<std::int32_t>(i));
    auto before = hn::Set(d, static_cast<std::int32_t>(i));
    const std::size_t mixed = std::min(i + lanes, n);
    std::size_t j = 0;
    for (; j < i; ++j) {  // all of them but the smaller ones; true is -1 in a lane
      before = hn::Add(before, hn::VecFromMask(d, hn::Gt(mine, hn::Set(d, work.codes[j]))));
    }
    for (; j < mixed; ++j) {
      const auto other = hn::Set(d, work.codes[j]);
      const auto is_lower = hn::Gt(place, hn::Set(d, static_cast<std::int32_t>(j)));
      const auto wins = hn::Or(hn::Gt(other, mine), hn::And(hn::Eq(other, mine), is_lower));
      before = hn::Sub(before, hn::VecFromMask(d, wins));
    }
    for (; j < n; ++j) {
      before = hn::Sub(before, hn::VecFromMask(d, hn::Gt(hn::Set(d, work.codes[j]), mine)));
    }
    hn::StoreU(before, d, work.ranks + i);
  }
}

/// A code strictly above `low` and not above `high`: that of the middle of their scores, which
/// halves the range of likely scores, or (`by_code`, and where scores have no middle) the middle of
/// the codes, which halves what is left to search in any case.
HWY_INLINE std::int32_t middle_of(std::int32_t low, std::int32_t high, bool by_code) {
  const auto code = static_cast<std::int32_t>((std::int64_t{low} + std::int64_t{high} + 1) >> 1);
  if (by_code) return code;
  const float score = 0.5F * score_of(low) + 0.5F * score_of(high);
  std::int32_t bits = 0;
  hwy::CopyBytes<sizeof(float)>(&score, &bits);
  const std::int32_t middle = bits >= 0 ? bits : bits ^ INT32_MAX;
  return middle > low && middle <= high ? middle : code;
}

/// A threshold that lets k to k + spare codes through is found by bisection; those are ranked
/// against each other. If too many codes equal the k-th best, the ones above it are ranked and the
/// first of the equal ones follow.
void best_codes(const std::int32_t* codes,
                std::size_t n,
                std::size_t k,
                const SelectionWork& work,
                std::int32_t* indices,
                float* scores) {
  const auto most = static_cast<std::size_t>(static_cast<std::int64_t>(k) +
                                             SelectionWork::spare(static_cast<std::int64_t>(k)));
  auto [low, high] = bounds_of(codes, n, k);
  std::size_t count = count_from(codes, n, low);
  for (int i = 1; count > most && low < high; ++i) {
    const std::int32_t middle = middle_of(low, high, i % 4 == 0);
    const std::size_t from_middle = count_from(codes, n, middle);
    const bool enough = from_middle >= k;
    low = enough ? middle : low;
    count = enough ? from_middle : count;
    high = enough ? high : middle - 1;
  }
  const bool ties = count > most;
  const std::size_t kept = collect(codes, n, ties ? low + 1 : low, work);
  rank(kept, work);
  for (std::size_t i = 0; i < kept; ++i) {  // no branches: every rank has a place
    const auto place = static_cast<std::size_t>(work.ranks[i]);
    work.order[place] = work.indices[i];
    work.sorted[place] = work.codes[i];
  }
  const std::size_t ranked = std::min(kept, k);
  std::copy_n(work.order, ranked, indices);
  for (std::size_t i = 0; i < ranked; ++i) scores[i] = score_of(work.sorted[i]);
  for (std::size_t i = 0, place = ranked; place < k; ++i) {
    if (codes[i] != low) continue;
    indices[place] = static_cast<std::int32_t>(i);
    scores[place++] = score_of(low);
  }
}

void pair_codes(const float* s1,
                const float* s2,
                std::size_t k,
                const std::int32_t* lengths,
                std::int32_t* codes) {
  const Wide d;
  const Codes di;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t count = 0;
  for (std::size_t p = 0; p < k; ++p) {
    const auto s = hn::Set(d, s1[p]);
    const auto n = static_cast<std::size_t>(lengths[p]);
    for (std::size_t r = 0; r < n; r += lanes) {  // what is too much is written over
      hn::StoreU(codes_of(hn::Add(s, hn::LoadU(d, s2 + r))), di, codes + count + r);
    }
    count += n;
  }
  const auto padded = static_cast<std::size_t>(padded_keys(static_cast<std::int64_t>(count)));
  std::fill(codes + count, codes + padded, no_code);
}

void softmax_rows(std::size_t rows, std::size_t k, const float* scores, float* weights) {
  for (std::size_t row = 0; row < rows; ++row) {
    const float* x = scores + row * k;
    float* w = weights + row * k;
    const float top = *std::max_element(x, x + k);
    const float sum = sum_lanes(k, [=](auto d, std::size_t j) HWY_ATTR {
      const auto e = exp_lanes(d, hn::Sub(hn::LoadU(d, x + j), hn::Set(d, top)));
      hn::StoreU(e, d, w + j);
      return e;
    });
    for_lanes(k, [=](auto d, std::size_t j) HWY_ATTR {
      hn::StoreU(hn::Div(hn::LoadU(d, w + j), hn::Set(d, sum)), d, w + j);
    });
  }
}

void softmax_rows_backward(
    std::size_t rows, std::size_t k, const float* weights, const float* dweights, float* dscores) {
  for (std::size_t i = 0; i < rows * k; i += k) {
    const float mean = sum_lanes(k, [=](auto d, std::size_t j) HWY_ATTR {
      return hn::Mul(hn::LoadU(d, weights + i + j), hn::LoadU(d, dweights + i + j));
    });
    for_lanes(k, [=](auto d, std::size_t j) HWY_ATTR {
      const auto off = hn::Sub(hn::LoadU(d, dweights + i + j), hn::Set(d, mean));
      hn::StoreU(hn::Mul(hn::LoadU(d, weights + i + j), off), d, dscores + i + j);
    });
  }
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(pack_keys);
void pack_keys(
    const float* keys, std::size_t n, std::size_t first, std::size_t width, float* packed) {
  HWY_DYNAMIC_DISPATCH(pack_keys)(keys, n, first, width, packed);
}

HWY_EXPORT(score_codes);
void score_codes(const ScoreTile& tile, std::int32_t* codes) {
  HWY_DYNAMIC_DISPATCH(score_codes)(tile, codes);
}

HWY_EXPORT(best_codes);
void best_codes(const std::int32_t* codes,
                std::size_t padded,
                std::size_t k,
                const SelectionWork& work,
                std::int32_t* indices,
                float* scores) {
  HWY_DYNAMIC_DISPATCH(best_codes)(codes, padded, k, work, indices, scores);
}

HWY_EXPORT(pair_codes);
void pair_codes(const float* s1,
                const float* s2,
                std::size_t k,
                const std::int32_t* lengths,
                std::int32_t* codes) {
  HWY_DYNAMIC_DISPATCH(pair_codes)(s1, s2, k, lengths, codes);
}

HWY_EXPORT(softmax_rows);
void softmax_rows(std::size_t rows, std::size_t k, const float* scores, float* weights) {
  HWY_DYNAMIC_DISPATCH(softmax_rows)(rows, k, scores, weights);
}

HWY_EXPORT(softmax_rows_backward);
void softmax_rows_backward(
    std::size_t rows, std::size_t k, const float* weights, const float* dweights, float* dscores) {
  HWY_DYNAMIC_DISPATCH(softmax_rows_backward)(rows, k, weights, dweights, dscores);
}

}  // namespace mneme::cpu
#endif
