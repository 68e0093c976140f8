#pragma once

#include <cstdint>

#include "tensor/view.h"

namespace mneme {

class PoolUse;

/// What a forward is run for.
enum class Mode : std::uint8_t {
  train,      // first run in training: counts pool reads, updates running statistics
  recompute,  // the same again before backward: no side effects
  evaluate    // no stored state changes
};

/// What the modules need to know besides x. T = tokens of this rank.
struct Pass {
  ConstView positions;  // (T) i32: inside the document
  ConstView first;      // (T) i32: the first token that t may look at, does not decrease
  Mode mode = Mode::train;
  const PoolUse* use = nullptr;  // counts the pool's reads in training, if given
};

/// One micro-batch of one rank.
struct TokenBatch {
  ConstView tokens;     // (T) i32
  ConstView targets;    // (T) i32, -1 = ignored
  ConstView positions;  // (T) i32
  ConstView first;      // (T) i32
};

}  // namespace mneme
