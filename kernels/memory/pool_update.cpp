#include "kernels/memory/pool_update.h"

#include <algorithm>

#include "kernels/memory/pool_replay.h"
#include "kernels/memory/pool_rows.h"
#include "kernels/optim/adamw_loops.h"
#include "kernels/parallel.h"

#include "base/math.h"
#include "base/scope.h"

namespace mneme {

void PoolUpdateStep::validate() const {
  const char* op = "pool_update";
  cpu::validate_pool_state(state, op);
  require(sums != nullptr, Fault::bug, "{}: the row sums are missing", op);
  const Shape& shape = state->values.shape();
  const std::int64_t capacity = sums->sums.extent(0);
  require_tensor(sums->slot_of_row, DType::i32, {shape[0]}, op, "slot_of_row");
  require_tensor(sums->row_of_slot, DType::i32, {capacity}, op, "row_of_slot");
  require_tensor(sums->sums, DType::f32, {capacity, shape[1]}, op, "sums");
  require(state->last.given() == (mode == PoolUpdate::exact), Fault::bug,
          "{}: mode {}, and the pool keeps {} last step per row; only `exact` has and needs one",
          op, enum_name(mode), state->last.given() ? "a" : "no");
  require(step.step >= 1, Fault::bug, "{}: step is {}, steps count from 1", op, step.step);
  require(step.eps > 0, Fault::bug, "{}: eps = {}, wanted a positive number", op, step.eps);
}

void pool_update(Exec& ex, const PoolUpdateStep& a) {
  const Scope scope("pool_update");
  a.validate();
  const auto mark = ex.scratch.mark();
  const cpu::PoolRows pool(ex, *a.state);
  const View zeros = ex.scratch.take(DType::f32, {pool.width()}, "pool_update.zeros");
  if (ex.measuring()) return;
  if (a.mode == PoolUpdate::exact) {
    cpu::validate_history(a.history, a.step.step - 1, "pool_update");
  }
  const std::int64_t w = pool.width();
  const float* sums = a.sums->sums.ptr<const float>();
  const std::int32_t* slot_of_row = a.sums->slot_of_row.ptr<const std::int32_t>();
  const std::int32_t* row_of_slot = a.sums->row_of_slot.ptr<const std::int32_t>();
  const AdamWFactors factors = adamw_factors(a.step);
  const auto update = [&](std::int64_t row, const float* grad, int thread) {
    float* weights = pool.load(row, thread);
    cpu::adamw_elements(size_of(w), factors, grad, weights, pool.m(row), pool.v(row));
    pool.store(row, weights, a.step.step);
  };
  if (a.mode == PoolUpdate::dense) {
    float* zero = zeros.ptr<float>();
    std::fill_n(zero, w, 0.0F);
    cpu::parallel_blocks(ex, a.state->values.extent(0),
                         [&](std::int64_t first, std::int64_t last, int thread) {
                           for (std::int64_t row = first; row < last; ++row) {
                             const std::int32_t slot = slot_of_row[row];
                             update(row, slot < 0 ? zero : sums + slot * w, thread);
                           }
                         });
    return;
  }
  if (a.mode == PoolUpdate::lazy) {
    cpu::parallel_blocks(ex, a.sums->count, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t slot = first; slot < last; ++slot) {
        update(row_of_slot[slot], sums + slot * w, thread);
      }
    });
    return;
  }
  const cpu::PoolReplay replay(a.history, a.step.step - 1);
  std::int32_t* last_step = a.state->last.ptr<std::int32_t>();
  cpu::parallel_blocks(ex, a.sums->count, [&](std::int64_t first, std::int64_t last, int thread) {
    for (std::int64_t slot = first; slot < last; ++slot) {
      const std::int64_t row = row_of_slot[slot];
      replay.row(pool, row, last_step[row], thread);
      update(row, sums + slot * w, thread);
      last_step[row] = static_cast<std::int32_t>(a.step.step);
    }
  });
}

}  // namespace mneme
