#pragma once

#include <cstdint>

#include "kernels/memory/pool_update.h"

#include "base/philox.h"
#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme::cpu {

/// Shapes and dtypes of a pool's state; `op` is named in errors.
void validate_pool_state(const PoolState* state, const char* op);
/// The history must know steps 1 .. to, and have betas in [0, 1) and a positive eps.
void validate_history(const PoolHistory& history, std::int64_t to, const char* op);

/// The rows of a pool's values as f32, whatever their storage: f32 values and master copies in
/// place, bf16 values without a master in a buffer per thread. What is written goes back with
/// `store`, rounded where the storage is bf16.
class PoolRows {
 public:
  /// Takes one row per thread from ex.scratch if the storage needs it.
  PoolRows(Exec& ex, const PoolState& state);

  std::int64_t width() const { return width_; }
  /// The f32 weights of a row, valid until this thread's next call.
  float* load(std::int64_t row, int thread) const;
  /// Stores what `load` gave: nothing for f32, rounding to nearest behind a master, stochastic
  /// rounding with the random numbers of `step` otherwise.
  void store(std::int64_t row, const float* weights, std::int64_t step) const;
  /// A copy of the f32 weights of a row, and what reading it after `store` would give.
  void copy(std::int64_t row, float* to) const;
  void round_copy(std::int64_t row, float* weights, std::int64_t step) const;

  /// Asks for a row's weights and moments, which will be written soon.
  void prefetch(std::int64_t row) const;

  float* m(std::int64_t row) const { return m_ + row * width_; }
  float* v(std::int64_t row) const { return v_ + row * width_; }

 private:
  template <class F>
  void for_noise(std::int64_t row, std::int64_t step, F&& visit) const;

  std::int64_t width_;
  float* weights_ = nullptr;  // (R, W): f32 values or master
  Bf16* stored_ = nullptr;    // (R, W): bf16 values
  float* m_ = nullptr;
  float* v_ = nullptr;
  float* buffers_ = nullptr;  // (threads, W)
  Philox noise_;
  std::int64_t global_width_;
  std::int64_t first_column_;
  std::int64_t first_row_;
};

}  // namespace mneme::cpu
