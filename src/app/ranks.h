#pragma once

#include <algorithm>
#include <memory>
#include <thread>

#include "comm/mesh.h"
#include "comm/mpi_session.h"
#include "train/run_config.h"

namespace mneme {

/// The ranks of this job on a config's mesh, for as long as a command runs.
class Ranks {
 public:
  explicit Ranks(const RunConfig& config)
      : world_(session_.world()),
        mesh_(*world_, config.mesh),
        wanted_(static_cast<int>(config.runtime.threads)) {}

  const Mesh& mesh() const { return mesh_; }
  Communicator& world() const { return *world_; }
  bool is_first() const { return world_->rank() == 0; }
  /// runtime.threads, or this machine's cores divided by its ranks.
  int threads() const {
    if (wanted_ > 0) return wanted_;
    const auto cores = static_cast<int>(std::thread::hardware_concurrency());
    return std::max(1, cores / session_.node_size());
  }

 private:
  MpiSession session_;
  std::unique_ptr<Communicator> world_;
  Mesh mesh_;
  int wanted_;
};

}  // namespace mneme
