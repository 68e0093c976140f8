#pragma once

#include "comm/communicator.h"

namespace mneme {

/// FLOP/s of a large f32 matrix product (512 to 4096 each way, by the machine's speed) on this
/// rank, with `threads` threads; the median of the products that `seconds` allow, at least three.
/// Memory is given back; nothing else is touched.
double measure_matmul(int threads, double seconds);

/// The same on all ranks of `world` at once, so that what they share is shared: the sum over the
/// ranks, the same on all. Collective.
double measure_matmul(Communicator& world, int threads, double seconds);

/// That sum's share of a rank, measured before a run within about a third of a second. The peak of
/// the process's memory is counted anew afterwards, so that the run's own is told. Collective.
double matmul_share_of_rank(Communicator& world, int threads);

/// Bytes/s read and written by large copies and by y += x (three streams) on this rank.
struct MemorySpeed {
  double copy = 0;
  double add = 0;
};
MemorySpeed measure_memory(int threads, double seconds);

/// Bytes/s that a rank sends in large collectives; 0 with one rank. Collective.
struct ExchangeSpeed {
  double all_reduce = 0;
  double all_to_all = 0;
};
ExchangeSpeed measure_exchange(Communicator& world, double seconds);

}  // namespace mneme
