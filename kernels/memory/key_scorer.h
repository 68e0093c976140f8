#pragma once

#include <cstdint>

#include "kernels/memory/lookup_loops.h"

#include "runtime/exec.h"

namespace mneme::cpu {

/// Queries against lists of keys, in tiles of tokens that stay in cache: (T, H, N) scores never
/// exist. A scorer has `lists` lists of N keys of width E (heads, times halves). Takes its scratch
/// from ex.scratch, also when measuring.
class KeyScorer {
 public:
  KeyScorer(Exec& ex, std::int64_t lists, std::int64_t count, std::int64_t width);

  /// Tokens scored at once, at most.
  std::int64_t tile() const { return tile_; }
  std::int64_t padded() const { return padded_; }
  /// Brings `lists` lists of keys (N, E), the first of which gets the number `first`, into the
  /// order of the vector code.
  void pack(const Exec& ex, std::int64_t first, std::int64_t lists, const float* keys);
  /// The codes (tokens, padded) of queries `stride` elements apart against one list, in this
  /// thread's memory until its next call.
  const std::int32_t* score(const float* queries,
                            std::int64_t stride,
                            std::int64_t tokens,
                            std::int64_t list,
                            float scale,
                            int thread) const;

 private:
  std::int64_t count_;
  std::int64_t width_;
  std::int64_t padded_;
  std::int64_t tile_;
  float* packed_ = nullptr;        // (lists, padded, E)
  std::int32_t* codes_ = nullptr;  // (threads, tile, padded)
};

/// Memory of the selection of k, one per thread.
class Selection {
 public:
  Selection(Exec& ex, std::int64_t k);
  SelectionWork of(int thread) const;

 private:
  std::int64_t slots_;
  std::int32_t* memory_ = nullptr;  // (threads, arrays, slots)
};

}  // namespace mneme::cpu
