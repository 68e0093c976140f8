#pragma once

#include <memory>
#include <string_view>

#include "comm/communicator.h"
#include "config/schema.h"

namespace mneme {

/// How the ranks are laid out. 0 is derived: `memory` is then world / data, or all ranks if both
/// are 0; `data` is world / memory.
struct MeshConfig {
  int data = 0;    // replicas of the pool, each with its share of the batch
  int memory = 0;  // ranks that split the columns of one pool

  static void describe(Schema<MeshConfig>& s);
};
static_assert(Config<MeshConfig>);

/// Named axes over all ranks: world rank = data index * memory size + memory index, so that the
/// ranks of one pool, which talk most, are neighbours. The axis "memory" of a rank holds the ranks
/// of equal data index, the axis "data" those of equal memory index.
class Mesh {
 public:
  /// Collective over `world`, which must outlive the mesh. Throws Fault::user for axes whose
  /// product is not the number of ranks.
  Mesh(Communicator& world, const MeshConfig& config);

  Communicator& world() const { return *world_; }
  Communicator& data() const { return *data_; }
  Communicator& memory() const { return *memory_; }
  /// "world", "data" or "memory"
  Communicator& axis(std::string_view name) const;

 private:
  Communicator* world_;
  std::unique_ptr<Communicator> data_;
  std::unique_ptr<Communicator> memory_;
};

/// The axes with nothing left to derive. Throws as Mesh does.
MeshConfig resolved(const MeshConfig& config, int world_size);

}  // namespace mneme
