#include "kernels/memory/pool_rows.h"

#include <algorithm>

namespace mneme::cpu {

void validate_pool_state(const PoolState* state, const char* op) {
  require(state != nullptr, Fault::bug, "{}: the pool's state is missing", op);
  const PoolState& s = *state;
  require(s.values.shape().rank() == 2, Fault::bug, "{}: values is {}, wanted (R, W)", op,
          to_string(s.values.shape()));
  const Shape& shape = s.values.shape();
  require(s.values.type() == DType::f32 || s.values.type() == DType::bf16, Fault::bug,
          "{}: values is {}, wanted f32 or bf16", op, enum_name(s.values.type()));
  require_tensor(s.m, DType::f32, shape, op, "m");
  require_tensor(s.v, DType::f32, shape, op, "v");
  if (s.last.given()) require_tensor(s.last, DType::i32, {shape[0]}, op, "last");
  if (s.values.type() == DType::f32) {
    require(!s.master.given(), Fault::bug, "{}: f32 values have no master copy, one was given", op);
    return;
  }
  if (s.master.given()) {
    require_tensor(s.master, DType::f32, shape, op, "master");
    return;
  }
  require(s.first_column >= 0 && s.first_column + shape[1] <= s.global_width, Fault::bug,
          "{}: columns [{}, {}) of a pool of width {}; stochastic rounding needs to know them", op,
          s.first_column, s.first_column + shape[1], s.global_width);
}

void validate_history(const PoolHistory& h, std::int64_t to, const char* op) {
  require(static_cast<std::int64_t>(std::min(h.lr.size(), h.log_decay.size())) > to, Fault::bug,
          "{}: rows go forward to step {}, but the history holds {} learning rates and {} decays",
          op, to, h.lr.size(), h.log_decay.size());
  require(h.beta1 >= 0 && h.beta1 < 1 && h.beta2 >= 0 && h.beta2 < 1, Fault::bug,
          "{}: beta1 = {} and beta2 = {}, wanted numbers in [0, 1)", op, h.beta1, h.beta2);
  require(h.eps > 0, Fault::bug, "{}: eps = {}, wanted a positive number", op, h.eps);
}

PoolRows::PoolRows(Exec& ex, const PoolState& s)
    : width_(s.values.extent(1)),
      noise_(s.seed, "round/pool.values"),
      global_width_(s.global_width),
      first_column_(s.first_column),
      first_row_(s.first_row) {
  const bool is_f32 = s.values.type() == DType::f32;
  const bool needs_buffer = !is_f32 && !s.master.given();
  View buffers;
  if (needs_buffer) buffers = ex.scratch.take(DType::f32, {ex.threads, width_}, "pool.row");
  if (ex.measuring()) return;
  if (needs_buffer) buffers_ = buffers.ptr<float>();
  if (!is_f32) stored_ = s.values.ptr<Bf16>();
  if (!needs_buffer) weights_ = is_f32 ? s.values.ptr<float>() : s.master.ptr<float>();
  m_ = s.m.ptr<float>();
  v_ = s.v.ptr<float>();
}

float* PoolRows::load(std::int64_t row, int thread) const {
  if (weights_ != nullptr) return weights_ + row * width_;
  float* buffer = buffers_ + thread * width_;
  copy(row, buffer);
  return buffer;
}

void PoolRows::copy(std::int64_t row, float* to) const {
  if (weights_ != nullptr) {
    std::copy_n(weights_ + row * width_, width_, to);
  } else {
    for (std::int64_t c = 0; c < width_; ++c) to[c] = to_f32(stored_[row * width_ + c]);
  }
}

/// A block of Philox gives the words of four elements: it is made once for all of them.
template <class F>
void PoolRows::for_noise(std::int64_t row, std::int64_t step, F&& visit) const {
  const auto first = static_cast<std::uint64_t>((first_row_ + row) * global_width_ + first_column_);
  for (std::int64_t c = 0; c < width_;) {
    const std::uint64_t element = first + static_cast<std::uint64_t>(c);
    const auto words = noise_.words(static_cast<std::uint64_t>(step), element / 4);
    for (std::uint64_t lane = element % 4; lane < 4 && c < width_; ++lane) visit(c++, words[lane]);
  }
}

void PoolRows::store(std::int64_t row, const float* weights, std::int64_t step) const {
  if (stored_ == nullptr) return;
  Bf16* to = stored_ + row * width_;
  if (weights_ != nullptr) {
    for (std::int64_t c = 0; c < width_; ++c) to[c] = to_bf16(weights[c]);
  } else {
    for_noise(row, step, [&](std::int64_t c, std::uint32_t noise) {
      to[c] = to_bf16_stochastic(weights[c], noise);
    });
  }
}

void PoolRows::round_copy(std::int64_t row, float* weights, std::int64_t step) const {
  if (stored_ == nullptr) return;
  if (weights_ != nullptr) {
    for (std::int64_t c = 0; c < width_; ++c) weights[c] = to_f32(to_bf16(weights[c]));
  } else {
    for_noise(row, step, [&](std::int64_t c, std::uint32_t noise) {
      weights[c] = to_f32(to_bf16_stochastic(weights[c], noise));
    });
  }
}

void PoolRows::prefetch(std::int64_t row) const {
  constexpr std::int64_t floats_per_line = 16;
  for (std::int64_t c = 0; c < width_; c += floats_per_line) {
    if (weights_ != nullptr) __builtin_prefetch(weights_ + row * width_ + c, 1);
    if (stored_ != nullptr && c % (2 * floats_per_line) == 0) {
      __builtin_prefetch(stored_ + row * width_ + c, 1);
    }
    __builtin_prefetch(m_ + row * width_ + c, 1);
    __builtin_prefetch(v_ + row * width_ + c, 1);
  }
}

}  // namespace mneme::cpu
