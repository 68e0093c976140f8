#pragma once

#include "base/check.h"
#include "tensor/view.h"

namespace mneme {

/// Refuses a view that is not f32, whatever its shape.
inline void require_f32(ConstView v, const char* op, const char* name) {
  require_tensor(v, DType::f32, v.shape(), op, name);
}

/// Two views may be the same memory or none of the same: an op in place, but not shifted.
inline void require_same_or_apart(ConstView a, ConstView b, const char* op, const char* names) {
  if (a.data() == b.data()) return;
  require_apart(a, b, op, names);
}

}  // namespace mneme
