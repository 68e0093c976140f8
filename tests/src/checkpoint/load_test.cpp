#include "checkpoint/load.h"

#include <atomic>

#include <gmock/gmock.h>

#include "base/text_file.h"
#include "checkpoint/folder.h"
#include "comm/self_comm.h"
#include "support/ranks.h"

#include "src/checkpoint/sample_state.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A checkpoint of the sample state on a mesh of 1 x 2, and what goes wrong when it is loaded.
class Load : public testing::Test {
 protected:
  Load() {
    run_ranks(2, [&](Communicator& world) {
      const MeshPosition position = position_of(world.rank(), 1, 2);
      save_sample(world, folder_.path(), 9, SampleState(7, position), position);
    });
  }
  fs::path step() const { return folder_.path() / "step_000009"; }

  /// The message that all of `ranks` ranks got, which must be the same.
  std::string error_of(int ranks,
                       const std::vector<SampleTensor>& tensors,
                       LoadRequest::Surplus surplus = LoadRequest::Surplus::refuse) {
    std::vector<std::string> messages(static_cast<std::size_t>(ranks), "nothing was thrown");
    run_ranks(ranks, [&](Communicator& world) {
      const MeshPosition position = position_of(world.rank(), 1, ranks);
      SampleState state(8, position, tensors);
      try {
        load_checkpoint(world, {.checkpoint = step(),
                                .items = state.items(),
                                .position = position,
                                .surplus = surplus});
      } catch (const Error& e) {
        EXPECT_EQ(e.fault(), Fault::checkpoint);
        messages[static_cast<std::size_t>(world.rank())] = e.what();
      }
    });
    for (const std::string& m : messages) EXPECT_EQ(m, messages[0]);
    return messages[0];
  }

  const TempFolder folder_;
};

TEST_F(Load, AllMisfitsAreToldAtOnce) {
  std::vector<SampleTensor> tensors = sample_tensors();
  tensors[0].shape = {38, 16};
  tensors[1].type = DType::f32;
  tensors[2].name = "pool.rows";
  EXPECT_THAT(
      error_of(3, tensors),
      AllOf(testing::StartsWith("the checkpoint " + step().string() + " is not of this model:\n"),
            HasSubstr("embedding.weight is f32 (37, 16) in it, wanted f32 (38, 16)"),
            HasSubstr("layers.0.norm is bf16 (16) in it, wanted f32 (16)"),
            HasSubstr("pool.rows is missing in it"),
            HasSubstr("  pool.values is in it, but not in this model")));
}

TEST_F(Load, NothingIsWrittenBeforeTheCheck) {
  std::vector<SampleTensor> tensors = sample_tensors();
  tensors.back().name = "missing";
  SampleState state(8, {}, tensors);
  SelfComm world("world");
  EXPECT_THROW(load_checkpoint(world, {.checkpoint = step(), .items = state.items()}), Error);
  EXPECT_EQ(state.memory(), SampleState(8, {}, tensors).memory());
}

TEST_F(Load, APartCanBeLoadedAlone) {
  const std::vector<SampleTensor> all = sample_tensors();
  const std::vector<SampleTensor> part{all[2], all[1]};
  EXPECT_THAT(error_of(2, part), HasSubstr("embedding.weight is in it, but not in this model"));
  EXPECT_EQ(error_of(2, part, LoadRequest::Surplus::ignore), "nothing was thrown");
  SampleState state(8, {}, part);
  SelfComm world("world");
  load_checkpoint(
      world,
      {.checkpoint = step(), .items = state.items(), .surplus = LoadRequest::Surplus::ignore});
  EXPECT_EQ(state.memory(), SampleState(7, {}, part).memory());
}

TEST_F(Load, AMissingManifestIsNoCheckpoint) {
  fs::remove(step() / "manifest.json");
  EXPECT_THAT(error_of(3, sample_tensors()),
              HasSubstr("step_000009 is no checkpoint: it has no manifest.json"));
  EXPECT_FALSE(latest_checkpoint(folder_.path()).entry.has_value());
}

TEST_F(Load, AnotherFormatIsRefused) {
  Manifest manifest = read_manifest(step());
  manifest.format_version = 2;
  write_text(step() / "manifest.json", to_text(manifest));
  EXPECT_THAT(error_of(1, sample_tensors()),
              HasSubstr("format version 2, and this program reads 1 to 1"));
}

TEST_F(Load, AFileThatIsCutShortIsNamed) {
  const fs::path file = step() / "rank_00001.h5";
  fs::resize_file(file, fs::file_size(file) - 1);
  EXPECT_THAT(error_of(3, sample_tensors()),
              AllOf(HasSubstr("rank_00001.h5 has "), HasSubstr("cut short")));
  const LatestCheckpoint latest = latest_checkpoint(folder_.path());
  EXPECT_FALSE(latest.entry.has_value());
  ASSERT_EQ(latest.skipped.size(), 1U);
  EXPECT_THAT(latest.skipped[0],
              AllOf(HasSubstr("step_000009 is passed over"), HasSubstr("rank_00001.h5")));
}

TEST_F(Load, AMissingFileIsNamed) {
  fs::remove(step() / "rank_00000.h5");
  EXPECT_THAT(error_of(2, sample_tensors()),
              AllOf(HasSubstr("there is no file"), HasSubstr("rank_00000.h5")));
}

TEST_F(Load, ADamagedBlockIsNamedWhoeverReadsIt) {
  const Manifest manifest = read_manifest(step());
  for (const ItemRecord& item : manifest.items) {
    for (const BlockRecord& block : item.blocks) {
      File file = File::open_to_write(step() / block.file);
      std::array<std::byte, 1> byte{};
      const std::int64_t place = block.offset + block.bytes / 2;
      file.read_at(place, byte);
      byte[0] ^= std::byte{16};
      file.write_at(place, byte);
      for (const int ranks : {1, 2, 3}) {
        EXPECT_THAT(error_of(ranks, sample_tensors()),
                    AllOf(HasSubstr("the dataset " + block.dataset + " in "), HasSubstr(block.file),
                          HasSubstr("is damaged")));
      }
      byte[0] ^= std::byte{16};
      file.write_at(place, byte);
    }
  }
  EXPECT_EQ(error_of(2, sample_tensors()), "nothing was thrown");
}

}  // namespace
}  // namespace mneme
