#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/facts.h"
#include "generate/decoder.h"
#include "text/tokenizer.h"
#include "train/run_summary.h"

namespace mneme {

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
