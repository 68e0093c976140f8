#pragma once

#include <cstdint>
#include <span>

#include "base/math.h"
#include "runtime/exec.h"

namespace mneme::cpu {

/// A read that contributes to a row's sum: row << 32 | position, where positions ascend in the
/// order in which contributions are added.
using Contribution = std::uint64_t;

constexpr std::int64_t row_of(Contribution c) {
  return static_cast<std::int64_t>(c >> 32U);
}
constexpr std::int64_t position_of(Contribution c) {
  return static_cast<std::int64_t>(c & 0xffffffffU);
}

/// The reads of one layer, one after the other in a list of layers. Tokens are numbered
/// through the list; a read has the position (token - first token of the chunk) << slot_bits |
/// slot.
struct LayerRows {
  const std::int32_t* rows = nullptr;  // (tokens, slots)
  const float* weights = nullptr;      // (tokens, slots), for the user of the sorted list
  const float* dout = nullptr;         // (tokens, W), likewise
  std::int64_t first_token = 0;
  std::int64_t tokens = 0;
  std::int64_t slots = 0;
};

/// Memory for one chunk of at most `contributions`, and for the result.
struct ContributionSort {
  ContributionSort(Exec& ex, std::int64_t contributions, std::int64_t rows);

  /// Sorts the reads of the tokens in `chunk` by row, then position: a stable distribution of the
  /// upper bits over threads, then each bucket by stable counting passes that stay in cache. The
  /// result is `sorted`, cut into one range per thread such that no row is in two ranges and each
  /// has about as many contributions. All of it is independent of the number of threads but `cuts`.
  void run(const Exec& ex, std::span<const LayerRows> layers, Range chunk, unsigned slot_bits);

  std::int64_t count = 0;
  const Contribution* sorted = nullptr;
  std::span<std::int64_t> cuts;  // threads + 1

 private:
  void choose_digits(std::int64_t n);
  void place_buckets(int parts);
  void sort_bucket(std::int64_t bucket);

  unsigned row_bits_;
  unsigned bucket_shift_ = 0;
  unsigned passes_ = 0;
  unsigned digit_bits_ = 0;
  std::int64_t buckets_ = 1;
  View keys_[2];  // (contributions) i64
  View places_;   // (threads, buckets) i64
  View starts_;   // (buckets + 1) i64
  View cuts_;
};

}  // namespace mneme::cpu
