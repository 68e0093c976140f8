#pragma once

#include <cstdint>
#include <span>

#include "comm/communicator.h"

namespace mneme {

/// Every rank's `values` become the largest of all ranks, element by element: how ranks agree on
/// signals and on the worst of their states. Collective; small counts take one exchange.
void agree_on_max(Communicator& ranks, std::span<std::int64_t> values, Exec& ex);

/// Every rank's `values` become the sums over all ranks, in rank order.
void add_up(Communicator& ranks, std::span<double> values, Exec& ex);
void add_up(Communicator& ranks, std::span<std::int64_t> values, Exec& ex);

}  // namespace mneme
