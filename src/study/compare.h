#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mneme {

/// A table with one column per run folder: validation loss, recall by exposures, parameters, FLOP,
/// times, memory, use of the pool. Fault::user for folders without a summary.
std::string compare_runs(const std::vector<std::filesystem::path>& runs);

}  // namespace mneme
