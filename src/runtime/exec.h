#pragma once

#include "runtime/arena.h"
#include "tensor/device.h"

namespace mneme {

/// What ops add up as they run or are measured: the honest cost of a model. Reads of pool rows are
/// bytes, never matrix multiplications.
struct Cost {
  double matmul_flop = 0;  // 2*m*n*k of every matrix product, attention and key scores included
  double pool_bytes = 0;   // bytes of pool rows read or written
};

/// Everything an op may use besides its arguments. Passed first, by reference, never global.
/// On the CPU an op runs at once, on `threads` OpenMP threads of the calling thread.
struct Exec {
  Device device;
  Arena& scratch;  // what an op takes here it gives back before it returns
  int threads = 1;
  Cost* cost = nullptr;  // optional
  bool measuring() const { return scratch.is_measuring(); }
};

}  // namespace mneme
