#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mneme {

/// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011, section 3). The key is the
/// XXH3-64 hash of (seed, purpose), the counter is (step, element / 4), an element takes the word
/// element mod 4. A value depends on nothing else: not on ranks, threads, order or splitting.
class Philox {
 public:
  /// `purpose` names the stream, for example "init/layers.4.memory.keys".
  Philox(std::uint64_t seed, std::string_view purpose);

  /// Four words for the elements 4*block .. 4*block+3.
  std::array<std::uint32_t, 4> words(std::uint64_t step, std::uint64_t block) const;
  std::uint32_t word(std::uint64_t step, std::uint64_t element) const {
    return words(step, element / 4)[element % 4];
  }
  /// In (0, 1): (word + 1/2) / 2^32.
  double uniform(std::uint64_t step, std::uint64_t element) const;
  /// Standard normal, by the inverse distribution function in f64.
  double normal(std::uint64_t step, std::uint64_t element) const;
  /// Standard normal conditioned on [-cut, cut], by the inverse distribution function in f64.
  double truncated_normal(std::uint64_t step, std::uint64_t element, double cut) const;

 private:
  std::array<std::uint32_t, 2> key_;
};

}  // namespace mneme
