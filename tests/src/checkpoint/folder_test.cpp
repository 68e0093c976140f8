#include "checkpoint/folder.h"

#include <gmock/gmock.h>

#include "base/text_file.h"
#include "checkpoint/retention.h"
#include "comm/self_comm.h"
#include "support/ranks.h"

#include "src/checkpoint/sample_state.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// A folder of small checkpoints.
class Checkpoints : public testing::Test {
 protected:
  void save(std::int64_t step, CheckpointKind kind = CheckpointKind::full) {
    SelfComm world("world");
    const SampleState state(1, {}, {{"a", {3}, Replicated{}}});
    ASSERT_TRUE(save_checkpoint(
                    world, {.folder = folder(), .step = step, .kind = kind, .items = state.items()})
                    .ok);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder()))
      all.push_back(entry.path().filename().string());
    std::sort(all.begin(), all.end());
    return all;
  }
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> all;
    for (const CheckpointEntry& e : list_checkpoints(folder())) all.push_back(e.step);
    return all;
  }
  const fs::path& folder() const { return folder_.path(); }

 private:
  const TempFolder folder_;
};

TEST_F(Checkpoints, AreListedByStepWhateverElseLiesThere) {
  for (const std::int64_t step : {1'200'000, 20, 3}) save(step);
  save(20, CheckpointKind::weights);
  for (const char* other : {"step_000004.tmp", "step_000005.old", "step_6", "step_", "step_00000x",
                            "weights_000007.tmp", "notes"}) {
    fs::create_directory(folder() / other);
  }
  write_text(folder() / "step_000008", "a file");
  EXPECT_THAT(steps(), ElementsAre(3, 20, 20, 1'200'000));
  EXPECT_EQ(list_checkpoints(folder())[2].kind, CheckpointKind::weights);
  EXPECT_EQ(list_checkpoints(folder())[3].path, folder() / "step_1200000");
  EXPECT_TRUE(list_checkpoints(folder() / "nowhere").empty());
}

TEST_F(Checkpoints, TheLatestIsTheNewestFullOneThatIsWhole) {
  EXPECT_FALSE(latest_checkpoint(folder()).entry.has_value());
  for (const std::int64_t step : {1, 2, 3, 4}) save(step);
  save(5, CheckpointKind::weights);
  EXPECT_EQ(latest_checkpoint(folder()).entry->step, 4);
  fs::remove(folder() / "step_000004" / "rank_00000.h5");
  const std::string text = read_text(folder() / "step_000003" / "manifest.json");
  write_text(folder() / "step_000003" / "manifest.json", text.substr(0, text.size() - 1));
  run_ranks(3, [&](Communicator& world) {
    const LatestCheckpoint latest = latest_checkpoint(world, folder());
    ASSERT_TRUE(latest.entry.has_value());
    EXPECT_EQ(latest.entry->step, 2);
    EXPECT_EQ(latest.entry->path, folder() / "step_000002");
    EXPECT_THAT(latest.skipped, ElementsAre(HasSubstr("rank_00000.h5 is missing"),
                                            HasSubstr("cut short or damaged")));
  });
  for (const std::int64_t step : {1, 2})
    remove_checkpoint(folder() / checkpoint_name(CheckpointKind::full, step));
  run_ranks(2, [&](Communicator& world) {
    EXPECT_FALSE(latest_checkpoint(world, folder()).entry.has_value());
  });
}

TEST_F(Checkpoints, LeftoversAreCleanedAndNothingElse) {
  save(1);
  save(2);
  save(3);
  // Killed while replacing 1, after replacing 2, and while saving 4.
  fs::rename(folder() / "step_000001", folder() / "step_000001.old");
  fs::copy(folder() / "step_000002", folder() / "step_000002.old");
  fs::create_directory(folder() / "step_000004.tmp");
  fs::create_directory(folder() / "notes.tmp");
  EXPECT_THAT(clean_leftovers(folder()),
              ElementsAre(HasSubstr("step_000001 is back"), HasSubstr("step_000002.old is removed"),
                          HasSubstr("step_000004.tmp is removed")));
  EXPECT_THAT(names(), ElementsAre("notes.tmp", "step_000001", "step_000002", "step_000003"));
  EXPECT_TRUE(clean_leftovers(folder()).empty());
  EXPECT_TRUE(clean_leftovers(folder() / "nowhere").empty());
}

TEST_F(Checkpoints, RetentionKeepsTheLastAndTheMultiples) {
  for (std::int64_t step = 10; step <= 80; step += 10) save(step);
  save(15, CheckpointKind::weights);
  const Pruned pruned = prune_checkpoints(folder(), {.keep_last = 2, .keep_every = 30});
  EXPECT_TRUE(pruned.problems.empty());
  EXPECT_THAT(pruned.removed,
              ElementsAre("step_000050", "step_000040", "step_000020", "step_000010"));
  EXPECT_THAT(names(), ElementsAre("step_000030", "step_000060", "step_000070", "step_000080",
                                   "weights_000015"));
}

TEST_F(Checkpoints, RetentionNeverRemovesTheNewestThatIsWhole) {
  for (const std::int64_t step : {1, 2, 3}) save(step);
  for (const char* damaged : {"step_000002", "step_000003"})
    fs::remove(folder() / damaged / "manifest.json");
  EXPECT_TRUE(prune_checkpoints(folder(), {.keep_last = 1}).removed.empty());
  EXPECT_EQ(latest_checkpoint(folder()).entry->step, 1);
}

TEST_F(Checkpoints, TheTableNamesEveryTensor) {
  SelfComm world("world");
  save_sample(world, folder(), 1, SampleState(1, {}), {});
  const std::string table = to_table(read_manifest(folder() / "step_000001"));
  for (const SampleTensor& t : sample_tensors()) EXPECT_THAT(table, HasSubstr("\n" + t.name + " "));
  EXPECT_THAT(table,
              HasSubstr("cube                    f64    (3, 7, 5)          1               840"));
}

}  // namespace
}  // namespace mneme
