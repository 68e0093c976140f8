#include "comm/mesh.h"

#include <cstdint>
#include <vector>

#include "base/amount.h"
#include "base/check.h"

namespace mneme {

void MeshConfig::describe(Schema<MeshConfig>& s) {
  s.field("data", &MeshConfig::data, "ranks",
          "replicas of the model and the pool, each with its share of the batch; 0: all ranks / "
          "memory",
          at_least(0), free_to_change())
      .field("memory", &MeshConfig::memory, "ranks",
             "ranks that split the columns of one pool; 0: all ranks / data", at_least(0),
             free_to_change());
}

MeshConfig resolved(const MeshConfig& config, int world_size) {
  MeshConfig c = config;
  require(c.data >= 0 && c.memory >= 0, Fault::user,
          "mesh.data = {} and mesh.memory = {}: wanted a number of ranks, or 0 to derive it",
          c.data, c.memory);
  if (c.memory == 0) c.memory = c.data == 0 ? world_size : world_size / c.data;
  if (c.data == 0) c.data = world_size / c.memory;
  require(std::int64_t{c.data} * c.memory == world_size, Fault::user,
          "mesh.data = {} x mesh.memory = {} does not make the {} of this run; hint: start {}, "
          "or leave both 0 to split the pool over all ranks",
          config.data, config.memory, counted(world_size, "rank"),
          counted(std::int64_t{c.data > 0 ? c.data : 1} * (c.memory > 0 ? c.memory : 1), "rank"));
  return c;
}

Mesh::Mesh(Communicator& world, const MeshConfig& config) : world_(&world) {
  const MeshConfig c = resolved(config, world.size());
  const int data_index = world.rank() / c.memory;
  const int memory_index = world.rank() % c.memory;
  std::vector<int> same_memory;
  for (int d = 0; d < c.data; ++d) same_memory.push_back(d * c.memory + memory_index);
  std::vector<int> same_data;
  for (int m = 0; m < c.memory; ++m) same_data.push_back(data_index * c.memory + m);
  data_ = world.group("data", same_memory);
  memory_ = world.group("memory", same_data);
}

Communicator& Mesh::axis(std::string_view name) const {
  if (name == "world") return *world_;
  if (name == "data") return *data_;
  if (name == "memory") return *memory_;
  fail(Fault::bug, "the mesh has no axis '{}', only world, data and memory", name);
}

}  // namespace mneme
