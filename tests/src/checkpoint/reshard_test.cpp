#include "checkpoint/block_file.h"
#include "checkpoint/folder.h"
#include "checkpoint/verify.h"
#include "comm/self_comm.h"
#include "support/ranks.h"

#include "src/checkpoint/sample_state.h"

namespace mneme {
namespace {

struct MeshSizes {
  int data;
  int memory;
  int ranks() const { return data * memory; }
};

const std::vector<MeshSizes> meshes{{1, 1}, {1, 2}, {2, 1}, {1, 3}, {1, 4}, {2, 2}, {4, 1}, {2, 3}};

class Reshard : public testing::TestWithParam<MeshSizes> {};

/// Any mesh reads what any mesh wrote, bit for bit.
TEST_P(Reshard, EveryMeshReadsTheSavedBits) {
  const MeshSizes saver = GetParam();
  const TempFolder folder;
  run_ranks(saver.ranks(), [&](Communicator& world) {
    const MeshPosition position = position_of(world.rank(), saver.data, saver.memory);
    const SampleState state(7, position);
    const SaveResult result = save_sample(world, folder.path(), 120, state, position);
    EXPECT_TRUE(result.ok) << result.message;
    EXPECT_EQ(result.path, folder.path() / "step_000120");
  });
  EXPECT_TRUE(verify_checkpoint(folder.path() / "step_000120").findings.empty());
  for (const MeshSizes loader : meshes) {
    run_ranks(loader.ranks(), [&](Communicator& world) {
      const MeshPosition position = position_of(world.rank(), loader.data, loader.memory);
      const SampleState expected(7, position);
      SampleState state(8, position);
      state.spoil();
      const Manifest manifest = load_checkpoint(world, {.checkpoint = folder.path() / "step_000120",
                                                        .items = state.items(),
                                                        .position = position});
      EXPECT_EQ(manifest.meta["step"], 120);
      EXPECT_EQ(manifest.ranks, saver.ranks());
      for (std::size_t i = 0; i < state.items().size(); ++i) {
        const std::size_t bytes = state.items()[i].local.bytes();
        EXPECT_EQ(std::memcmp(state.memory()[i].data(), expected.memory()[i].data(), bytes), 0)
            << state.items()[i].name << " on rank " << world.rank() << " of data " << loader.data
            << ", memory " << loader.memory;
      }
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Meshes, Reshard, testing::ValuesIn(meshes), [](const auto& mesh) {
  return "data" + std::to_string(mesh.param.data) + "memory" + std::to_string(mesh.param.memory);
});

/// The same tensor cut along another dimension than it was saved along.
TEST(Reshard, AnotherDimensionMayBeSplit) {
  const TempFolder folder;
  const auto tensors = [](int dimension) {
    return std::vector<SampleTensor>{{"cube", {4, 6, 5}, Split{"memory", dimension}},
                                     {"four", {3, 4, 3, 5}, Split{"memory", dimension}}};
  };
  for (const int from : {0, 1, 2}) {
    run_ranks(3, [&](Communicator& world) {
      const MeshPosition position = position_of(world.rank(), 1, 3);
      save_sample(world, folder.path(), from, SampleState(7, position, tensors(from)), position);
    });
    for (const int to : {0, 1, 2}) {
      run_ranks(2, [&](Communicator& world) {
        const MeshPosition position = position_of(world.rank(), 1, 2);
        const SampleState expected(7, position, tensors(to));
        SampleState state(8, position, tensors(to));
        load_checkpoint(world,
                        {.checkpoint = folder.path() / checkpoint_name(CheckpointKind::full, from),
                         .items = state.items(),
                         .position = position});
        EXPECT_EQ(state.memory(), expected.memory()) << from << " to " << to;
      });
    }
  }
}

/// Blocks longer than what is read at once, with rows longer than that too.
TEST(Reshard, BlocksAreReadInPieces) {
  const TempFolder folder;
  const auto tensors = [](int dimension) {
    return std::vector<SampleTensor>{{"long", {2, 2'500'000}, Split{"memory", dimension}}};
  };
  static_assert(2'500'000 * sizeof(float) * 2 > piece_bytes);
  SelfComm alone("world");
  save_sample(alone, folder.path(), 1, SampleState(7, {}, tensors(0)), {});
  run_ranks(3, [&](Communicator& world) {
    const MeshPosition position = position_of(world.rank(), 1, 3);
    const SampleState expected(7, position, tensors(1));
    SampleState state(8, position, tensors(1));
    load_checkpoint(world, {.checkpoint = folder.path() / "step_000001",
                            .items = state.items(),
                            .position = position});
    EXPECT_EQ(state.memory(), expected.memory());
  });
}

}  // namespace
}  // namespace mneme
