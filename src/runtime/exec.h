#pragma once

#include "runtime/arena.h"
#include "tensor/device.h"

namespace mneme {

/// Everything an op may use besides its arguments. Passed first, by reference, never global.
/// On the CPU an op runs at once, on `threads` OpenMP threads of the calling thread.
struct Exec {
  Device device;
  Arena& scratch;  // what an op takes here it gives back before it returns
  int threads = 1;
  bool measuring() const { return scratch.is_measuring(); }
};

}  // namespace mneme
