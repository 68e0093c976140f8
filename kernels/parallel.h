#pragma once

#include <cstdint>
#include <utility>

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

/// Elements of cheap arithmetic that are worth a thread: below, starting one costs more.
inline constexpr std::int64_t elements_per_thread = 16384;

/// Tokens (rows of so many elements) that are worth a thread.
constexpr std::int64_t tokens_per_thread(std::int64_t row_elements) {
  return ceil_div(elements_per_thread, row_elements < 1 ? 1 : row_elements);
}

/// The same on no more threads than ceil(n / grain).
template <class F>
void parallel_blocks(const Exec& ex, std::int64_t n, std::int64_t grain, F&& f) {
  const std::int64_t wanted = ceil_div(n, grain);
  const int threads = wanted < ex.threads ? static_cast<int>(wanted) : ex.threads;
  parallel_blocks(Exec{ex.device, ex.scratch, threads}, n, std::forward<F>(f));
}

}  // namespace mneme::cpu
