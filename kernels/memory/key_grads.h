#pragma once

#include <cstdint>

#include "runtime/exec.h"

namespace mneme::cpu {

/// The gradients of scores s[t,h,j] = scale * q[t,h] . keys[h, key(row)] :
///   dq[t,h] = scale * sum_j ds[t,h,j] * keys[h, key(rows[t,h,j])]
///   dkeys[h,i] += scale * sum of ds[t,h,j] * q[t,h] over all (t, j) whose key is i
/// A row's key is (row / divisor) mod N: divisor = N gives half 1 of product keys, divisor = 1
/// gives half 2, and flat keys. Sums over a key are taken by token, then j, for any number of
/// threads.
struct KeyGrads {
  const float* dscores = nullptr;      // (T, H, k)
  const std::int32_t* rows = nullptr;  // (T, H, k)
  const float* q = nullptr;            // (T, H, E)
  const float* keys = nullptr;         // (H, N, E)
  float* dq = nullptr;                 // (T, H, E), overwritten
  float* dkeys = nullptr;              // (H, N, E), added to
  std::int64_t tokens = 0;             // T
  std::int64_t heads = 0;              // H
  std::int64_t best = 0;               // k
  std::int64_t count = 0;              // N
  std::int64_t width = 0;              // E
  std::int64_t divisor = 1;
  float scale = 1;
};

/// Takes its scratch from ex.scratch also when measuring, and then does nothing else.
void key_grads(Exec& ex, const KeyGrads& a);

}  // namespace mneme::cpu
