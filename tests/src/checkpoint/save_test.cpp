#include "checkpoint/save.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "base/text_file.h"
#include "checkpoint/folder.h"
#include "comm/self_comm.h"
#include "support/ranks.h"

#include "src/checkpoint/sample_state.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(Save, EqualStatesAreEqualFiles) {
  const TempFolder a;
  const TempFolder b;
  const TempFolder other;
  save_on(2, 2, a.path(), 1);
  save_on(2, 2, b.path(), 1);
  save_on(2, 2, other.path(), 2);
  int files = 0;
  for (const auto& file : fs::directory_iterator(a.path() / "step_000005")) {
    if (file.path().extension() != ".h5") continue;
    const fs::path same = fs::path("step_000005") / file.path().filename();
    EXPECT_EQ(read_text(file.path()), read_text(b.path() / same)) << same;
    if (same.filename() != "index.h5") {
      EXPECT_NE(read_text(file.path()), read_text(other.path() / same)) << same;
    }
    ++files;
  }
  EXPECT_EQ(files, 5);
}

TEST(Save, TheStateHashTellsStatesApart) {
  const TempFolder folder;
  SelfComm world("world");
  const auto hash = [&](std::uint64_t seed) {
    return save_sample(world, folder.path(), 1, SampleState(seed, {}), {}).state_hash;
  };
  EXPECT_EQ(hash(1), hash(1));
  EXPECT_NE(hash(1), hash(2));
}

TEST(Save, ReplicasShareTheWriting) {
  const TempFolder folder;
  const std::vector<SampleTensor> tensors{{"a", {100, 100}, Replicated{}},
                                          {"b", {100, 100}, Replicated{}},
                                          {"c", {100, 400}, Split{"memory", 1}},
                                          {"d", {100, 400}, Split{"memory", 1}}};
  run_ranks(4, [&](Communicator& world) {
    const MeshPosition position = position_of(world.rank(), 2, 2);
    save_sample(world, folder.path(), 1, SampleState(1, position, tensors), position);
  });
  const Manifest manifest = read_manifest(folder.path() / "step_000001");
  EXPECT_EQ(manifest.items[0].blocks.size(), 1U);
  EXPECT_EQ(manifest.items[2].blocks.size(), 2U);
  std::vector<std::int64_t> sizes;
  for (const FileRecord& f : manifest.files) {
    if (f.name != "index.h5") sizes.push_back(f.bytes);
  }
  ASSERT_EQ(sizes.size(), 4U);
  // 120,000 elements over four files in pieces of 20,000 and 10,000: none has more than 30,000.
  EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), 30'000 * 4 + 16'384);
}

TEST(Save, AnExistingCheckpointIsReplaced) {
  const TempFolder folder;
  SelfComm world("world");
  for (const std::uint64_t seed : {1U, 2U}) {
    const SaveResult result = save_sample(world, folder.path(), 3, SampleState(seed, {}), {});
    EXPECT_TRUE(result.ok) << result.message;
  }
  SampleState state(0, {});
  load_checkpoint(world, {.checkpoint = folder.path() / "step_000003", .items = state.items()});
  EXPECT_EQ(state.memory(), SampleState(2, {}).memory());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(Save, ItemsThatDoNotFitAreABugOnAllRanks) {
  const TempFolder folder;
  std::atomic<int> thrown = 0;
  run_ranks(3, [&](Communicator& world) {
    const MeshPosition position = position_of(world.rank(), 1, 3);
    // Rank 2 takes itself for rank 0: its view of an uneven split has another width.
    const MeshPosition wrong = position_of(0, 1, 3);
    const SampleState state(1, position);
    try {
      save_sample(world, folder.path(), 1, state, world.rank() == 2 ? wrong : position);
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::bug);
      EXPECT_THAT(e.what(), HasSubstr("[rank 2]"));
      ++thrown;
    }
  });
  EXPECT_EQ(thrown, 3);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Save, AFolderThatCannotBeMadeIsToldOnAllRanks) {
  const TempFolder folder;
  write_text(folder.path() / "file", "in the way");
  std::atomic<int> told = 0;
  run_ranks(2, [&](Communicator& world) {
    const MeshPosition position = position_of(world.rank(), 1, 2);
    const SaveResult result = save_sample(world, folder.path() / "file" / "checkpoints", 1,
                                          SampleState(1, position), position);
    EXPECT_FALSE(result.ok);
    EXPECT_THAT(result.message, HasSubstr("step_000001 could not be saved: [rank 0]"));
    ++told;
  });
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace mneme
