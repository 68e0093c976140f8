#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/philox.h"

namespace mneme {

/// Which source sample g of a run comes from: a function of (weights, seed, g) alone, and O(1).
///
/// The pattern repeats every `period` samples, in which source s appears round(period * share)
/// times (largest remainders), placed such that every prefix is balanced: the source that lags its
/// share most comes next, and neighbours are shuffled in groups of `group` keyed by (seed, group
/// number). In any prefix a source is within group / 4 + 2 samples of its share.
class Mixture {
 public:
  static constexpr std::int64_t period = 65'536;
  static constexpr std::int64_t group = 32;

  /// Weights are relative and positive. Fault::user for other weights, or for a share so small
  /// that it rounds to no sample in a period.
  Mixture(std::span<const double> weights, std::uint64_t seed);

  /// Sample g is the `position`-th one (from 0) that the run takes from `source`.
  struct Place {
    std::int64_t source = 0;
    std::int64_t position = 0;
  };
  Place at(std::int64_t g) const;

  /// Samples of source s in each period.
  std::int64_t count(std::int64_t source) const {
    return counts_[static_cast<std::size_t>(source)];
  }

 private:
  struct Entry {
    std::uint16_t source = 0;
    std::uint16_t rank = 0;  // how often the source came before in this period
  };
  Philox random_;
  std::vector<std::int64_t> counts_;
  std::vector<Entry> pattern_;
};

}  // namespace mneme
