#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/facts.h"
#include "generate/decoder.h"
#include "text/tokenizer.h"

namespace mneme {

/// Facts recalled by a model, by how often they were shown in training.
struct RecallGroup {
  std::int64_t exposures = 0;  // biographies per person; 0: unknown people, the control
  std::int64_t asked = 0;
  std::int64_t recalled = 0;
  double share() const {
    return asked > 0 ? static_cast<double>(recalled) / static_cast<double>(asked) : 0;
  }
};

/// A fact is recalled when the greedy continuation of a document that begins with the prompt begins
/// with the answer, as text. By ascending exposures; the same on all ranks. Collective: probes are
/// shared among the ranks.
std::vector<RecallGroup> measure_recall(Engine& engine,
                                        const Tokenizer& tokenizer,
                                        std::span<const FactProbe> probes,
                                        const Decoder::Options& options);

/// Sequences and cache that probes ask for.
Decoder::Options recall_options(const Tokenizer& tokenizer, std::span<const FactProbe> probes);

}  // namespace mneme
