#pragma once

#include <cstdint>
#include <span>

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// The pool's gradient of one optimizer step: sums of the touched rows only, in slots that are
/// given out as rows appear. One code path for a few rows (capacity far below R) and for nearly
/// all.
struct RowSums {
  View slot_of_row;        // (R) i32, -1 = untouched
  View row_of_slot;        // (capacity) i32, the first `count` hold rows
  View sums;               // (capacity, W) f32
  std::int64_t count = 0;  // slots in use
};

/// One layer's reads in one micro-batch, for the pool's gradient.
struct PoolReads {
  ConstView rows;     // (n, J) i32: all tokens of the memory group
  ConstView weights;  // (n, J) f32
  ConstView dout;     // (n, W) f32: this rank's columns
};

/// sums[slot of row] += sum of weights[t,j] * dout[t,:] over all reads of that row, in the order
/// (layer as given, token, j), one addition at a time, no atomics. New rows get the next slots in
/// ascending order within a chunk of reads; the order of sums does not depend on chunks or threads.
/// Contributions are radix or vector sorted as (row, position) in chunks of at most
/// `chunk_contributions`, which bounds scratch. Throws Fault::bug if capacity does not suffice.
struct PoolAccumulate {
  std::span<const PoolReads> reads;
  RowSums* into = nullptr;
  std::int64_t chunk_contributions = std::int64_t{1} << 22;
  void validate() const;
};
void pool_accumulate(Exec& ex, const PoolAccumulate& a);

/// Makes all rows untouched again; O(count).
void row_sums_clear(Exec& ex, RowSums& s);

/// Sum of squares of the sums in f64, in slot order, in fixed blocks.
double row_sums_squares(Exec& ex, const RowSums& s);

/// counts[l*H+h, r - first] += reads of row r by layer l and head h, for r in [first, last): each
/// rank of a memory group counts a range of the rows.
struct CountReads {
  ConstView rows;          // (n, H, k) i32
  View counts;             // (H, last - first) i32, added to
  std::int64_t first = 0;  // first row of the range
  void validate() const;
};
void count_reads(Exec& ex, const CountReads& a);

}  // namespace mneme
