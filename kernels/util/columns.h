#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// whole[t, first + c] = block[t, c]: puts a block of columns in its place. Equal dtypes, any of 4
/// bytes or less.
void put_columns(Exec& ex, ConstView block, View whole, std::int64_t first);
/// block[t, c] = whole[t, first + c]: takes a block of columns out.
void take_columns(Exec& ex, ConstView whole, std::int64_t first, View block);

}  // namespace mneme
