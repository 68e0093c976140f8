#include <algorithm>
#include <atomic>

#include "kernels/memory/pool_replay.h"
#include "kernels/memory/pool_rows.h"
#include "kernels/memory/pool_update.h"
#include "kernels/parallel.h"

#include "base/math.h"
#include "base/scope.h"

namespace mneme {

void PoolCatchUp::validate() const {
  cpu::validate_pool_state(state, "pool_catch_up");
  require(state->last.given(), Fault::bug, "pool_catch_up: the pool keeps no last step per row");
  require_tensor(rows, DType::i32, rows.shape(), "pool_catch_up", "rows");
  require(to >= 0, Fault::bug, "pool_catch_up: to step {}, wanted 0 or more", to);
}

void pool_catch_up(Exec& ex, const PoolCatchUp& a) {
  const Scope scope("pool_catch_up");
  a.validate();
  const auto mark = ex.scratch.mark();
  const cpu::PoolRows pool(ex, *a.state);
  if (ex.measuring()) return;
  cpu::validate_history(a.history, a.to, "pool_catch_up");
  const cpu::PoolReplay replay(a.history, a.to);
  const auto to = static_cast<std::int32_t>(a.to);
  std::int32_t* last = a.state->last.ptr<std::int32_t>();
  const std::int32_t* rows = a.rows.ptr<const std::int32_t>();
  const auto lags = [&](std::int32_t row) {
    return std::atomic_ref(last[row]).load(std::memory_order_relaxed) < to;
  };
  constexpr std::int64_t last_ahead = 24;  // reads whose `last`, and whose rows are asked for
  constexpr std::int64_t rows_ahead = 4;
  cpu::parallel_blocks(ex, a.rows.count(), [&](std::int64_t first, std::int64_t end, int thread) {
    for (std::int64_t i = first; i < end; ++i) {
      if (i + last_ahead < end) __builtin_prefetch(last + rows[i + last_ahead]);
      if (i + rows_ahead < end && lags(rows[i + rows_ahead])) pool.prefetch(rows[i + rows_ahead]);
      // Whoever exchanges a lagging `last` replays the row: once, with a result that does not
      // depend on who it was.
      const std::atomic_ref<std::int32_t> of_row(last[rows[i]]);
      if (!lags(rows[i])) continue;
      const std::int32_t from = of_row.exchange(to, std::memory_order_relaxed);
      replay.row(pool, rows[i], from, thread);
    }
  });
}

void PoolPatch::validate() const {
  cpu::validate_pool_state(state, "pool_patch");
  require(state->last.given(), Fault::bug, "pool_patch: the pool keeps no last step per row");
  require_tensor(rows, DType::i32, rows.shape(), "pool_patch", "rows");
  require_tensor(patch, DType::f32, {patch.extent(0), state->values.extent(1)}, "pool_patch",
                 "patch");
  require_tensor(patch_of_read, DType::i32, rows.shape(), "pool_patch", "patch_of_read");
  require(to >= 0, Fault::bug, "pool_patch: to step {}, wanted 0 or more", to);
}

std::int64_t pool_patch(Exec& ex, const PoolPatch& a) {
  const Scope scope("pool_patch");
  a.validate();
  const auto mark = ex.scratch.mark();
  const cpu::PoolRows pool(ex, *a.state);
  const View lagging = ex.scratch.take(DType::i32, {a.rows.count()}, "pool_patch.rows");
  if (ex.measuring()) return 0;
  cpu::validate_history(a.history, a.to, "pool_patch");
  const std::int32_t* last = a.state->last.ptr<const std::int32_t>();
  const std::int32_t* rows = a.rows.ptr<const std::int32_t>();
  std::int32_t* distinct = lagging.ptr<std::int32_t>();
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < a.rows.count(); ++i) {
    if (last[rows[i]] < a.to) distinct[count++] = rows[i];
  }
  std::sort(distinct, distinct + count);
  count = std::unique(distinct, distinct + count) - distinct;
  require(count <= a.patch.extent(0), Fault::bug,
          "pool_patch: {} rows lag behind, but there is room for {} only", count,
          a.patch.extent(0));
  std::int32_t* patch_of_read = a.patch_of_read.ptr<std::int32_t>();
  cpu::parallel_blocks(ex, a.rows.count(), [&](std::int64_t first, std::int64_t end, int) {
    for (std::int64_t i = first; i < end; ++i) {
      const std::int32_t* place = std::lower_bound(distinct, distinct + count, rows[i]);
      const bool lags = place != distinct + count && *place == rows[i];
      patch_of_read[i] = lags ? static_cast<std::int32_t>(place - distinct) : -1;
    }
  });
  const cpu::PoolReplay replay(a.history, a.to);
  float* patch = a.patch.ptr<float>();
  cpu::parallel_blocks(ex, count, [&](std::int64_t first, std::int64_t end, int) {
    for (std::int64_t i = first; i < end; ++i) {
      const std::int64_t row = distinct[i];
      float* w = patch + i * pool.width();
      pool.copy(row, w);
      replay.weights(last[row], pool.width(), w, pool.m(row), pool.v(row));
      pool.round_copy(row, w, a.to);
    }
  });
  return count;
}

}  // namespace mneme
