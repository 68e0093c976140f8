#pragma once

#include <cstddef>
#include <cstdint>

#include "base/math.h"

namespace mneme::cpu {

/// Scores are compared as integers: descending score is descending code, -0 and +0 share one, NaN
/// comes after every number. Lists of codes are padded with `no_code`, which is below all of them.
inline constexpr std::int32_t no_code = INT32_MIN;
/// Lists of keys are padded to a multiple of this, so that every vector length divides them.
inline constexpr std::int64_t key_group = 64;

constexpr std::int64_t padded_keys(std::int64_t n) {
  return round_up(n, key_group);
}

/// Copies key_group keys of width E from `first` on, of n in all, into the order in which
/// `score_codes` reads them; keys behind the last are zero. packed: (key_group, E) elements.
void pack_keys(
    const float* keys, std::size_t n, std::size_t first, std::size_t width, float* packed);

/// Queries against one list of keys.
struct ScoreTile {
  const float* queries;  // (tokens, E), `stride` elements apart
  std::size_t stride;
  std::size_t tokens;
  std::size_t width;    // E
  const float* packed;  // (padded, E) by pack_keys
  std::size_t count;    // N
  std::size_t padded;   // padded_keys(N)
  float scale;
};
/// codes[t, i] = code of scale * (q[t] . key[i]), summed over E in order; no_code behind the last.
void score_codes(const ScoreTile& tile, std::int32_t* codes);

/// Memory of a selection of k: `slots` elements each.
struct SelectionWork {
  static constexpr std::int64_t arrays = 5;
  std::int32_t* codes;  // candidates by index
  std::int32_t* indices;
  std::int32_t* ranks;
  std::int32_t* order;  // candidates by rank
  std::int32_t* sorted;
  static constexpr std::int64_t slots(std::int64_t k) { return k + spare(k) + key_group; }
  /// Candidates beyond k that a threshold may let through: a wider net is found sooner.
  static constexpr std::int64_t spare(std::int64_t k) { return k / 4 + 8; }
};

/// The k best of `padded` codes by descending code, then lower index: indices and scores.
/// At least k of them are no padding.
void best_codes(const std::int32_t* codes,
                std::size_t padded,
                std::size_t k,
                const SelectionWork& work,
                std::int32_t* indices,
                float* scores);

/// codes[pair] = code of s1[p] + s2[r] for the pairs (p, r), r < lengths[p], by p, then r; padded
/// with no_code. s2 may be read, and codes written, key_group elements further.
void pair_codes(const float* s1,
                const float* s2,
                std::size_t k,
                const std::int32_t* lengths,
                std::int32_t* codes);

/// w = softmax of `rows` lists of k scores.
void softmax_rows(std::size_t rows, std::size_t k, const float* scores, float* weights);
/// ds = w * (dw - sum_j w*dw) for `rows` lists of k.
void softmax_rows_backward(
    std::size_t rows, std::size_t k, const float* weights, const float* dweights, float* dscores);

}  // namespace mneme::cpu
