#pragma once

#include <cstdint>
#include <span>

#include "base/philox.h"

namespace mneme {

/// How the next token is chosen from logits.
struct SamplerOptions {
  double temperature = 0;  // 0: the most likely token; ties go to the lower id
  std::int64_t top_k = 0;  // only the k most likely; 0: all
  double top_p = 1;        // then only the fewest whose probabilities reach p
  std::uint64_t seed = 1;
};

/// Draws tokens; the draw for (sequence, position) depends on the seed alone, never on the batch.
class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options)
      : options_(options), random_(options.seed, "generate") {}
  std::int32_t choose(std::span<const float> logits,
                      std::int64_t sequence,
                      std::int64_t position) const;

 private:
  SamplerOptions options_;
  Philox random_;
};

}  // namespace mneme
