#pragma once

#include <cstdint>

#include "kernels/parallel.h"
#include "kernels/util/elementwise_loops.h"

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme::cpu {

/// Tokens whose contributions to a sum over tokens are added up first, in order; the sums of blocks
/// are then added in order: the bits do not depend on the number of threads.
inline constexpr std::int64_t block_tokens = 128;

/// (blocks, n) f32 for the sums of the blocks of T tokens; to be taken in a measuring run, too.
inline View take_block_sums(Exec& ex, std::int64_t tokens, std::int64_t n, const char* label) {
  return ex.scratch.take(DType::f32, {ceil_div(tokens, block_tokens), n}, label);
}

/// Calls f(first token, last token, thread, sum of the block) for each block; `sum` is zero at
/// first and f adds to it. Then out[j] += sum over blocks in order.
template <class F>
void sum_over_tokens(const Exec& ex, std::int64_t tokens, View block_sums, float* out, F&& f) {
  const std::int64_t n = block_sums.extent(1);
  float* sums = block_sums.ptr<float>();
  const std::int64_t blocks = block_sums.extent(0);
  parallel_blocks(ex, blocks, [&](std::int64_t first, std::int64_t last, int thread) {
    for (std::int64_t b = first; b < last; ++b) {
      float* sum = sums + b * n;
      for (std::int64_t j = 0; j < n; ++j) sum[j] = 0;
      const std::int64_t start = b * block_tokens;
      const std::int64_t end = start + block_tokens < tokens ? start + block_tokens : tokens;
      f(start, end, thread, sum);
    }
  });
  parallel_blocks(ex, n, 1024, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      add_elements(size_of(last - first), sums + b * n + first, out + first);
    }
  });
}

}  // namespace mneme::cpu
