#include "kernels/memory/pool_read.h"

#include "kernels/memory/weighted_rows.h"
#include "kernels/parallel.h"

#include "base/math.h"
#include "base/scope.h"

namespace mneme {
namespace {

void validate_pool(ConstView values, const char* op) {
  require(values.shape().rank() == 2, Fault::bug, "{}: values is {}, wanted (R, W)", op,
          to_string(values.shape()));
  require(values.type() == DType::f32 || values.type() == DType::bf16, Fault::bug,
          "{}: values is {}, wanted f32 or bf16", op, enum_name(values.type()));
}

}  // namespace

void PoolReadForward::validate() const {
  const char* op = "pool_read_forward";
  validate_pool(values, op);
  require(rows.shape().rank() == 2, Fault::bug, "{}: rows is {}, wanted (n, J)", op,
          to_string(rows.shape()));
  const std::int64_t n = rows.extent(0);
  const std::int64_t j = rows.extent(1);
  const std::int64_t w = values.extent(1);
  require_tensor(rows, DType::i32, {n, j}, op, "rows");
  require_tensor(weights, DType::f32, {n, j}, op, "weights");
  require_tensor(out, DType::f32, {n, w}, op, "out");
  require(patch.given() == patch_of_read.given(), Fault::bug,
          "{}: patch and patch_of_read belong together, one of them is missing", op);
  if (!patch.given()) return;
  require_tensor(patch, DType::f32, {patch.extent(0), w}, op, "patch");
  require_tensor(patch_of_read, DType::i32, {n, j}, op, "patch_of_read");
}

namespace {

/// Every read is a row of this rank's columns.
void count_bytes(const Exec& ex, ConstView values, ConstView rows) {
  if (ex.cost == nullptr) return;
  ex.cost->pool_bytes += static_cast<double>(rows.count()) *
                         static_cast<double>(byte_count(values.type(), {values.extent(1)}));
}

}  // namespace

void pool_read_forward(Exec& ex, const PoolReadForward& a) {
  const Scope scope("pool_read_forward");
  a.validate();
  count_bytes(ex, a.values, a.rows);
  if (ex.measuring()) return;
  const std::int64_t j = a.rows.extent(1);
  const std::int64_t w = a.values.extent(1);
  const std::int32_t* rows = a.rows.ptr<const std::int32_t>();
  const float* weights = a.weights.ptr<const float>();
  float* out = a.out.ptr<float>();
  with_type<float, Bf16>(a.values.type(), "pool_read_forward", [&]<class X>() {
    const X* values = a.values.ptr<const X>();
    cpu::parallel_blocks(ex, a.rows.extent(0), [&](std::int64_t first, std::int64_t last, int) {
      const cpu::RowReads<X> reads{values, rows + first * j, size_of(last - first), size_of(j),
                                   size_of(w)};
      if (a.patch.given()) {
        const cpu::RowPatch patch{a.patch.ptr<const float>(),
                                  a.patch_of_read.ptr<const std::int32_t>() + first * j};
        cpu::read_rows_patched(reads, patch, weights + first * j, out + first * w);
      } else {
        cpu::read_rows(reads, weights + first * j, out + first * w);
      }
    });
  });
}

void PoolReadBackward::validate() const {
  const char* op = "pool_read_backward";
  validate_pool(values, op);
  require(rows.shape().rank() == 2, Fault::bug, "{}: rows is {}, wanted (n, J)", op,
          to_string(rows.shape()));
  const std::int64_t n = rows.extent(0);
  const std::int64_t j = rows.extent(1);
  require_tensor(dout, DType::f32, {n, values.extent(1)}, op, "dout");
  require_tensor(rows, DType::i32, {n, j}, op, "rows");
  require_tensor(dweights, DType::f32, {n, j}, op, "dweights");
}

void pool_read_backward(Exec& ex, const PoolReadBackward& a) {
  const Scope scope("pool_read_backward");
  a.validate();
  count_bytes(ex, a.values, a.rows);
  if (ex.measuring()) return;
  const std::int64_t j = a.rows.extent(1);
  const std::int64_t w = a.values.extent(1);
  const float* dout = a.dout.ptr<const float>();
  const std::int32_t* rows = a.rows.ptr<const std::int32_t>();
  float* dweights = a.dweights.ptr<float>();
  with_type<float, Bf16>(a.values.type(), "pool_read_backward", [&]<class X>() {
    const X* values = a.values.ptr<const X>();
    cpu::parallel_blocks(ex, a.rows.extent(0), [&](std::int64_t first, std::int64_t last, int) {
      cpu::dot_rows(
          cpu::RowReads<X>{values, rows + first * j, size_of(last - first), size_of(j), size_of(w)},
          dout + first * w, dweights + first * j);
    });
  });
}

}  // namespace mneme
