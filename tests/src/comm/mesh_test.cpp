#include "comm/mesh.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "comm/agree.h"
#include "comm/plan_comm.h"
#include "comm/self_comm.h"
#include "runtime/exec.h"
#include "support/ranks.h"

namespace mneme {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct MeshHost {
  Arena scratch = Arena("scratch", 1 << 16, cpu_device);
  Exec ex{cpu_device, scratch};
};

TEST(Mesh, MemoryRanksAreNeighbours) {
  for (const MeshConfig config : {MeshConfig{2, 3}, MeshConfig{2, 0}, MeshConfig{0, 3}}) {
    run_ranks(6, [&](Communicator& world) {
      MeshHost h;
      const Mesh mesh(world, config);
      EXPECT_EQ(mesh.axis("memory").size(), 3);
      EXPECT_EQ(mesh.axis("data").size(), 2);
      EXPECT_EQ(&mesh.axis("world"), &world);
      EXPECT_EQ(world.rank(), mesh.data().rank() * 3 + mesh.memory().rank());
      std::array<std::int64_t, 1> sum{world.rank()};
      add_up(mesh.memory(), sum, h.ex);
      EXPECT_EQ(sum[0], mesh.data().rank() == 0 ? 0 + 1 + 2 : 3 + 4 + 5);
      std::array<std::int64_t, 1> most{world.rank()};
      agree_on_max(mesh.data(), most, h.ex);
      EXPECT_EQ(most[0], mesh.memory().rank() + 3);
    });
  }
}

TEST(Mesh, TakesAllRanksAsMemoryByDefault) {
  run_ranks(3, [](Communicator& world) {
    const Mesh mesh(world, {});
    EXPECT_EQ(mesh.memory().size(), 3);
    EXPECT_EQ(mesh.data().size(), 1);
  });
}

TEST(Mesh, RefusesAxesThatDoNotMakeTheWorld) {
  SelfComm world("world");
  for (const MeshConfig config : {MeshConfig{2, 1}, MeshConfig{0, 2}, MeshConfig{-1, 1}}) {
    try {
      const Mesh mesh(world, config);
      ADD_FAILURE() << config.data << " x " << config.memory;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::user);
      EXPECT_THAT(e.what(), HasSubstr("mesh.data"));
    }
  }
  EXPECT_THROW((void)resolved({3, 0}, 4), Error);
}

TEST(MeshConfig, IsDescribed) {
  const auto schema = Schema<MeshConfig>::described();
  EXPECT_NE(schema.info().find("data"), nullptr);
  EXPECT_NE(schema.info().find("memory"), nullptr);
}

TEST(PlanComm, CountsTheTrafficOfRanksThatDoNotExist) {
  PlanComm world("world", 100, 256);
  const Mesh mesh(world, {4, 64});
  EXPECT_EQ(mesh.data().rank(), 1);
  EXPECT_EQ(mesh.memory().rank(), 36);
  Arena scratch = Arena::measuring("scratch");
  Exec ex{cpu_device, scratch};
  const View huge(nullptr, DType::f32, {std::int64_t{1} << 34}, cpu_device);  // 64 GiB
  const View piece(nullptr, DType::f32, {std::int64_t{1} << 28}, cpu_device);
  mesh.memory().all_gather(piece, huge, ex).wait();
  mesh.memory().reduce_scatter(huge, piece, ex).wait();
  const std::int64_t gib = std::int64_t{1} << 30;
  EXPECT_EQ(mesh.memory().traffic().of("all_gather").bytes, 63 * gib);
  EXPECT_EQ(mesh.memory().traffic().of("reduce_scatter").bytes, 63 * gib);
  mesh.data().all_reduce(huge, Reduce::sum, ex).wait();
  EXPECT_EQ(mesh.data().traffic().bytes(), 2 * 3 * 16 * gib);  // 2 (n-1)/n of the view
  EXPECT_LE(scratch.peak(), std::size_t{16} << 20);
}

TEST(PlanComm, RefusesToCommunicate) {
  PlanComm world("world", 0, 2);
  MeshHost h;
  std::array<std::int64_t, 1> x{};
  EXPECT_THROW(agree_on_max(world, x, h.ex), Error);
  EXPECT_THROW(world.barrier(), Error);
}

}  // namespace
}  // namespace mneme
