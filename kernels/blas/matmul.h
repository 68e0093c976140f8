#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// c[i,j] = sum_l A[i,l] * B[l,j]  (+ bias[j])  (+ c[i,j] as it was),  A = a or a', B = b or b'
///
///   All f32, sums in f32. The library's scratch comes from ex.scratch. Deterministic for a number
///   of threads and a kind of CPU. m, n or k may be 0 (k = 0 gives zeros, bias and the old c).
struct Matmul {
  ConstView a;  // (m, k) f32, or (k, m) with transpose_a
  ConstView b;  // (k, n) f32, or (n, k) with transpose_b
  View c;       // (m, n) f32, apart from a and b
  bool transpose_a = false;
  bool transpose_b = false;
  bool accumulate = false;  // add to c instead of overwriting it
  ConstView bias = {};      // (n) f32, optional; not together with accumulate
  void validate() const;
};
void matmul(Exec& ex, const Matmul& a);

/// Matrix multiplication FLOP of one call: 2*m*n*k.
double matmul_flop(const Matmul& a);

/// out[j] += sum_t x[t,j]: the gradient of a bias. Tokens are summed in fixed blocks, in order.
struct ColumnSum {
  ConstView x;  // (T, n) f32
  View out;     // (n) f32, added to
  void validate() const;
};
void column_sum(Exec& ex, const ColumnSum& a);

}  // namespace mneme
