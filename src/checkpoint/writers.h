#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/box.h"
#include "params/param_set.h"

namespace mneme {

/// boxes[rank][item]: which part of which item each rank holds.
using BoxTable = std::vector<std::vector<Box>>;

/// writes[rank]: the items of which that rank writes its box.
///
/// Every box that is not empty is written by exactly one of the ranks that hold it: large ones
/// first, each by the rank with the least to write so far (the lowest of several), so that files
/// are of equal size as far as that is possible, whatever the mesh. A function of its arguments
/// alone.
std::vector<std::vector<std::size_t>> assign_writers(std::span<const StateItem> items,
                                                     const BoxTable& boxes);

}  // namespace mneme
