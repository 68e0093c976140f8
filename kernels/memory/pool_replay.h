#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/memory/pool_rows.h"
#include "kernels/memory/pool_update.h"

namespace mneme::cpu {

/// Factors of up to `most` consecutive steps of a replay, and what decides whether to stop before
/// them.
struct ReplayChunk {
  static constexpr std::int64_t most = 16;
  std::int64_t count = 0;  // steps in the chunk
  bool is_last = false;    // nothing comes behind it
  float eps = 0;
  float tail = 0;                 // lr_max * beta1^i / (1 - beta1^(s+1))
  float tail_root = 0;            // r/(1-r), or infinity
  float tail_eps = 0;             // beta1/(1-beta1) / eps
  float root_now = 0;             // beta2^(i/2)
  float rest = 1;                 // decay of all remaining steps
  float ulp = 0;                  // rest * 2^-25, a little less
  std::array<float, most> decay;  // decay of a step, as w -= decay*w
  std::array<float, most> move;   // step_size * beta1^i
  std::array<float, most> root;   // root_scale * beta2^(i/2)
};

/// The replay of the dense rule with zero gradient on rows of f32 weights (`exact`).
///
/// In step s of a row last updated in step `last`, with i = s - last, the dense rule does
///   w = w - decay_s*w - step_size_s * m*beta1^i / (sqrt(v)*beta2^(i/2)*root_scale_s + eps)
/// so the loop over steps changes w alone, and m and v take their closed forms behind it. What is
/// left to move behind step s is at most
///   lr_max * |m|*beta1^i / (1 - beta1^(s+1)) * min(r/(1-r) / (sqrt(v)*beta2^(i/2) + eps),
///                                                  beta1/(1-beta1) / eps),  r = beta1/sqrt(beta2)
/// Once that is below half an ulp of the weight as it will be at `to`, no f32 step of the dense
/// rule would move the weight: its loop stops, and the remaining decay is one product. Each element
/// stops for itself, so its bits depend on no other element of the row.
class PoolReplay {
 public:
  /// `history` must outlive the replay. O(to) once, for the largest learning rate.
  PoolReplay(const PoolHistory& history, std::int64_t to);

  /// A row of the pool from step `last` to step `to`; nothing if it is current.
  void row(const PoolRows& pool, std::int64_t row, std::int64_t last, int thread) const;
  /// Weights (width) from step `last` to step `to`; m and v are those of step `last`.
  void weights(
      std::int64_t last, std::int64_t width, float* w, const float* m, const float* v) const;

  /// The steps behind step s of a row last updated in step `last`.
  ReplayChunk chunk(std::int64_t last, std::int64_t s) const;

 private:
  static constexpr std::int64_t window = 1024;  // steps before `to`, and gaps, with tables

  struct Step {
    float decay;
    float step_size;
    float root_scale;
    float inverse_bias1;
  };
  Step make_step(std::int64_t s, double power1, double power2) const;
  Step step(std::int64_t s) const;
  double log_decay_until(std::int64_t s) const {
    return s == 0 ? 0 : history_.log_decay[size_of(s)];
  }
  float power1(std::int64_t i) const;
  float power2(std::int64_t i) const;
  float root2(std::int64_t i) const;

  PoolHistory history_;
  std::int64_t to_;
  std::int64_t window_first_;  // step of steps_[0]
  double lr_max_ = 0;
  double beta1_;  // as the f32 numbers that the dense rule multiplies with
  double beta2_;
  float tail_root_;
  float tail_eps_;
  std::array<Step, window> steps_;
  std::array<float, window + 1> power1_;  // beta1^i
  std::array<float, window + 1> power2_;  // beta2^i
  std::array<float, window + 1> root2_;   // beta2^(i/2)
};

/// The chunks of one replay, made when they are first asked for: every block of columns goes
/// through the same ones.
class ReplayChunks {
 public:
  ReplayChunks(const PoolReplay& replay, std::int64_t last) : replay_(replay), last_(last) {}
  /// Chunk i; valid until the next call.
  const ReplayChunk& get(std::size_t i);

 private:
  static constexpr std::size_t kept = 16;
  const PoolReplay& replay_;
  std::int64_t last_;
  std::size_t made_ = 0;
  std::array<ReplayChunk, kept + 1> chunks_;
};

/// The loops over columns of the replay.
void replay_weights(
    ReplayChunks& chunks, std::size_t width, float* w, const float* m, const float* v);
void scale_moments(std::size_t width, float factor1, float factor2, float* m, float* v);

}  // namespace mneme::cpu
