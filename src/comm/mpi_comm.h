#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "comm/communicator.h"

namespace mneme {

/// MPI counts are 32-bit integers: longer pieces travel in several messages.
inline constexpr std::size_t mpi_message_bytes = std::size_t{1} << 30;

/// All ranks of a running MPI, on host memory. It owns a duplicate of MPI's communicator, so that
/// nothing else can take its messages; gathers, all-to-alls and broadcasts run while the caller
/// computes, until the Pending is waited for. MPI must be initialised (MpiSession) and is called
/// from one thread at a time.
std::unique_ptr<Communicator> make_mpi_world(std::string name,
                                             std::size_t message_bytes = mpi_message_bytes,
                                             Signatures signatures = default_signatures);

}  // namespace mneme
