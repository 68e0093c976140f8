#pragma once

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "comm/rank_types.h"

namespace mneme {

/// MPI for as long as this object lives; one per process, made first in main.
///
/// A process that no launcher started (none of the variables of mpirun, PMI, PMIx or a Slurm step
/// is set) is a world of one rank and never calls MPI. Otherwise MPI is initialised, for calls from
/// the main thread, and the launcher's count of ranks must be MPI's: a program linked to another
/// MPI than its launcher would else train N times alone. Throws Fault::machine.
class MpiSession {
 public:
  MpiSession();
  /// Ends MPI with all ranks. While an exception passes through it does nothing: abort_job follows.
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  bool uses_mpi() const { return uses_mpi_; }
  WorldRank world_rank() const { return world_rank_; }
  int world_size() const { return world_size_; }
  /// The place among the ranks that share this machine's memory.
  NodeRank node_rank() const { return node_rank_; }
  int node_size() const { return node_size_; }

  /// The communicator "world": MPI's ranks, or one rank alone. Must go before the session.
  std::unique_ptr<Communicator> world(Signatures signatures = default_signatures) const;

 private:
  bool uses_mpi_ = false;
  WorldRank world_rank_;
  NodeRank node_rank_;
  int world_size_ = 1;
  int node_size_ = 1;
};

/// The MPI library's own name and version, on one line. May be called without a session.
std::string mpi_library();

/// Ends all ranks of the job with the exit status `code`, whatever they are doing, within 10 s.
/// Print the reason first. Without MPI it ends this process.
[[noreturn]] void abort_job(int code) noexcept;

}  // namespace mneme
