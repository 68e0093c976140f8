#pragma once

#include <cstdint>

#include "base/math.h"
#include "runtime/exec.h"

namespace mneme::cpu {

/// Calls f(first, last, thread) on contiguous blocks of [0, n), one per thread, at once. The cut
/// depends on n and ex.threads alone. f must not throw: validate before.
template <class F>
void parallel_blocks(const Exec& ex, std::int64_t n, F&& f) {
  const int threads = static_cast<int>(ex.threads < n ? ex.threads : n);
  if (threads <= 1) {
    if (n > 0) f(std::int64_t{0}, n, 0);
    return;
  }
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads;
       ++t) {  // a loop over parts: right even if OpenMP grants fewer threads
    const Range r = block_of(n, t, threads);
    f(r.first, r.last, t);
  }
}

}  // namespace mneme::cpu
