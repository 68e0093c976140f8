#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// out[t,:] = sum_j weights[t,j] * values[rows[t,j],:],  j ascending, in f32
///
///   The sum over j of one column depends on nothing but that column: any cut of the columns over
///   ranks gives the same bits. Any width. Rows are prefetched; several are in flight.
struct PoolReadForward {
  ConstView values;   // (R, W) f32 or bf16: this rank's columns
  ConstView rows;     // (n, J) i32 in [0, R)
  ConstView weights;  // (n, J) f32
  View out;           // (n, W) f32
  /// Caught-up copies of rows that lag behind (pool_update: exact, outside training): where
  /// patch_of_read[t,j] >= 0 the row is read from there instead of from values. Both or neither.
  ConstView patch = {};          // (P, W) f32
  ConstView patch_of_read = {};  // (n, J) i32 in [-1, P)
  void validate() const;
};
void pool_read_forward(Exec& ex, const PoolReadForward& a);

/// dweights[t,j] = dout[t,:] . values[rows[t,j],:], over this rank's columns only
struct PoolReadBackward {
  ConstView dout;    // (n, W) f32
  ConstView values;  // (R, W) f32 or bf16
  ConstView rows;    // (n, J) i32
  View dweights;     // (n, J) f32, overwritten
  void validate() const;
};
void pool_read_backward(Exec& ex, const PoolReadBackward& a);

}  // namespace mneme
