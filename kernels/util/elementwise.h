#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// y += x, elementwise, f32, equal shapes.
void add_to(Exec& ex, ConstView x, View y);
/// y = x, equal dtypes and shapes.
void copy(Exec& ex, ConstView x, View y);
/// Every byte zero.
void zero(Exec& ex, View y);
/// y = x converted between f32 and bf16 (round to nearest even), equal shapes.
void cast(Exec& ex, ConstView x, View y);
/// Sum of squares in f64, in fixed blocks: the same for any number of threads.  x: any shape, f32.
double sum_squares(Exec& ex, ConstView x);
/// Sum in f64, in fixed blocks.  x: any shape, f32.
double sum(Exec& ex, ConstView x);

}  // namespace mneme
