#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// Caught-up copies of rows that lag behind; empty (not given) when no row does.
struct RowPatch {
  ConstView rows;     // (P, W) f32
  ConstView of_read;  // (n, J) i32 in [-1, P)
};

/// Somebody who must see the rows of a sparse parameter before they are read: the optimizer, when
/// it brings rows forward lazily (pool_update: exact).
class RowKeeper {
 public:
  RowKeeper() = default;
  virtual ~RowKeeper() = default;
  RowKeeper(const RowKeeper&) = delete;
  RowKeeper& operator=(const RowKeeper&) = delete;
  /// In training: brings the rows (any shape, i32) up to date in place.
  virtual void catch_up(Exec& ex, ConstView rows) = 0;
  /// Elsewhere: stored state stays as it is; what lags is copied into `keep` and caught up there.
  virtual RowPatch patch(Exec& ex, ConstView rows, Arena& keep) const = 0;
};

}  // namespace mneme
