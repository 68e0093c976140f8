#pragma once

#include <algorithm>
#include <memory>
#include <thread>

#include "comm/mesh.h"
#include "comm/mpi_session.h"
#include "train/run_config.h"

namespace mneme {

/// All ranks of this job, for as long as a command runs.
class World {
 public:
  World() : world_(session_.world()) {}

  Communicator& world() const { return *world_; }
  const MpiSession& session() const { return session_; }
  bool is_first() const { return world_->rank() == 0; }
  /// The `wanted` threads per rank, or for 0 this machine's cores divided by its ranks.
  int threads(std::int64_t wanted) const {
    if (wanted > 0) return static_cast<int>(wanted);
    const auto cores = static_cast<int>(std::thread::hardware_concurrency());
    return std::max(1, cores / session_.node_size());
  }

 private:
  MpiSession session_;
  std::unique_ptr<Communicator> world_;
};

/// The same on a config's mesh.
class Ranks : public World {
 public:
  explicit Ranks(const RunConfig& config)
      : mesh_(world(), config.mesh), wanted_(config.runtime.threads) {}

  const Mesh& mesh() const { return mesh_; }
  /// runtime.threads, or this machine's cores divided by its ranks.
  int threads() const { return World::threads(wanted_); }

 private:
  Mesh mesh_;
  std::int64_t wanted_;
};

}  // namespace mneme
