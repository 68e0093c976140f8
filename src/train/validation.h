#pragma once

#include <cstdint>
#include <vector>

#include "data/validation_set.h"
#include "train/engine.h"
#include "train/reporter.h"

namespace mneme {

/// The validation sets that a config names, cut over the ranks of `world`. Fault::data where one
/// was made with another tokenizer than the model's: its loss would mean nothing.
std::vector<ValidationSet> open_validation_sets(const RunConfig& config,
                                                const Communicator& world,
                                                std::int64_t samples_per_batch,
                                                std::uint64_t tokenizer_hash);

/// Loss of one set at state `step`, the same on all ranks. Changes no state. Collective.
ValidationReport measure_validation(Engine& engine, const ValidationSet& set, std::int64_t step);

}  // namespace mneme
