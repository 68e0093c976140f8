#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/outcome.h"
#include "comm/mesh.h"
#include "comm/mpi_session.h"
#include "runtime/machine.h"
#include "train/run_config.h"

namespace mneme {

/// All ranks of this job, for as long as a command runs.
class World {
 public:
  World() : world_(session_.world()), share_(share_of_cores()) {}

  Communicator& world() const { return *world_; }
  const MpiSession& session() const { return session_; }
  bool is_first() const { return world_->rank() == 0; }
  /// The `wanted` threads per rank, or for 0 this rank's share of the cores it may use.
  int threads(std::int64_t wanted) const { return wanted > 0 ? static_cast<int>(wanted) : share_; }

 private:
  /// OMP_NUM_THREADS where it is set. Else the processors that this process may run on, divided by
  /// the ranks that may run on the very same ones (a rank bound to its own shares them with
  /// nobody), and no more than its part of what the control group grants. Collective.
  int share_of_cores() const {
    const Processors p = processors();
    const std::string mine = p.host + " " + ranges_text(p.allowed);
    const std::vector<std::string> all = Agreement(*world_).gather(mine);
    const auto sharers = std::count(all.begin(), all.end(), mine);
    // After the exchange: a launcher may hand the variable to some ranks only.
    // NOLINTNEXTLINE(concurrency-mt-unsafe): read before there are threads
    if (const char* set = std::getenv("OMP_NUM_THREADS"); set != nullptr && std::atoi(set) > 0)
      return std::atoi(set);
    auto cores = static_cast<double>(std::ssize(p.allowed)) / static_cast<double>(sharers);
    if (p.quota > 0) cores = std::min(cores, p.quota / session_.node_size());
    return std::max(1, static_cast<int>(cores));
  }

  MpiSession session_;
  std::unique_ptr<Communicator> world_;
  int share_;  // threads
};

/// The same on a config's mesh.
class Ranks : public World {
 public:
  explicit Ranks(const RunConfig& config)
      : mesh_(world(), config.mesh), wanted_(config.runtime.threads) {}

  const Mesh& mesh() const { return mesh_; }
  /// runtime.threads, or this rank's share of the cores.
  int threads() const { return World::threads(wanted_); }

 private:
  Mesh mesh_;
  std::int64_t wanted_;
};

}  // namespace mneme
