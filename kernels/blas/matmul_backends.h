#pragma once

#include <cstdint>

#include "runtime/exec.h"

namespace mneme::cpu {

/// A product with every degenerate case taken care of: m, n, k >= 1, dense operands.
struct MatmulProblem {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  const float* a = nullptr;  // null in a measuring run, like the others
  const float* b = nullptr;
  float* c = nullptr;
  const float* bias = nullptr;
  bool transpose_a = false;
  bool transpose_b = false;
  bool accumulate = false;
  bool has_bias = false;
};

/// By oneDNN; its scratch comes from ex.scratch. Only in builds with oneDNN.
void matmul_onednn(Exec& ex, const MatmulProblem& p);

/// By our own blocked loops (matmul_simd.cpp): for builds without oneDNN, and a second opinion in
/// tests. Bits do not depend on the number of threads.
void matmul_blocked(Exec& ex, const MatmulProblem& p);

}  // namespace mneme::cpu
