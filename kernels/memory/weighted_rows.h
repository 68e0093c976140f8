#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bf16.h"

namespace mneme::cpu {

/// A row and what it is multiplied with.
struct RowTerm {
  const float* row;
  float weight;
};

/// sum[c] = (fresh ? 0 : sum[c]) + sum_i weight_i * row_i[c], c < width; i ascending, one addition
/// at a time. The `after` terms behind the `count` given are only prefetched.
void add_rows(const RowTerm* terms,
              std::size_t count,
              std::size_t after,
              std::size_t width,
              bool fresh,
              float* sum);

/// Reads of consecutive tokens from a table of rows of X = float or Bf16.
template <class X>
struct RowReads {
  const X* table;            // (R, width)
  const std::int32_t* rows;  // (tokens, reads)
  std::size_t tokens;
  std::size_t reads;  // J
  std::size_t width;  // W
};

/// out[t] = sum_j weights[t,j] * table[rows[t,j]]
void read_rows(const RowReads<float>& r, const float* weights, float* out);
void read_rows(const RowReads<Bf16>& r, const float* weights, float* out);

/// Other rows for some reads: patch[patch_of_read[t,j]] where that is not negative.
struct RowPatch {
  const float* patch;
  const std::int32_t* patch_of_read;  // (tokens, reads)
};
void read_rows_patched(const RowReads<float>& r,
                       const RowPatch& p,
                       const float* weights,
                       float* out);
void read_rows_patched(const RowReads<Bf16>& r,
                       const RowPatch& p,
                       const float* weights,
                       float* out);

/// dots[t,j] = a[t] . table[rows[t,j]]; the order of each sum depends on the width and the target.
void dot_rows(const RowReads<float>& r, const float* a, float* dots);
void dot_rows(const RowReads<Bf16>& r, const float* a, float* dots);

}  // namespace mneme::cpu
