#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/build_info.h"

namespace mneme {

/// Whether each collective first compares, over all ranks, what they are about to do. It turns the
/// hang of ranks that wait in different collectives into an error; it costs a small all-gather
/// each.
enum class Signatures : std::uint8_t { unchecked, checked };

/// Checked in builds with heavy checks.
inline constexpr Signatures default_signatures =
    heavy_checks ? Signatures::checked : Signatures::unchecked;

/// One rank's collective: what all ranks must agree on. A plain record that travels as bytes.
struct Signature {
  std::uint64_t hash = 0;        // of the whole text
  std::array<char, 504> text{};  // "all_gather f32 4096 in layers[4] > memory", cut if too long

  /// `what` is "all_gather f32 4096"; where the thread is comes from Scope::path().
  static Signature of(const std::string& what);
  std::string shown() const;
};

}  // namespace mneme
