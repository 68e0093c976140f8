#include "checkpoint/verify.h"

#include <random>

#include <gmock/gmock.h>

#include "base/file.h"
#include "support/ranks.h"

#include "src/checkpoint/sample_state.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Verify : public testing::Test {
 protected:
  Verify() {
    run_ranks(3, [&](Communicator& world) {
      const MeshPosition position = position_of(world.rank(), 1, 3);
      save_sample(world, folder_.path(), 9, SampleState(7, position), position);
    });
  }
  fs::path step() const { return folder_.path() / "step_000009"; }
  void flip(const std::string& name, std::int64_t byte, int bit) const {
    File file = File::open_to_write(step() / name);
    std::array<std::byte, 1> value{};
    file.read_at(byte, value);
    value[0] ^= std::byte{1} << bit;
    file.write_at(byte, value);
  }
  /// The dataset that holds a byte of a file, or "metadata".
  static std::string owner(const Manifest& manifest, const std::string& file, std::int64_t byte) {
    for (const ItemRecord& item : manifest.items) {
      for (const BlockRecord& b : item.blocks) {
        if (b.file == file && b.offset <= byte && byte < b.offset + b.bytes) return b.dataset;
      }
    }
    return "metadata";
  }

  const TempFolder folder_;
};

TEST_F(Verify, AWholeCheckpointHasNoFindings) {
  const VerifyReport report = verify_checkpoint(step());
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.files, 4);
  EXPECT_EQ(report.bytes, read_manifest(step()).bytes());
  EXPECT_EQ(report.blocks, 22);  // 6 tensors split by 3 (one of width 2), 5 whole ones
}

TEST_F(Verify, OneFlippedBitAnywhereIsFoundAndNamed) {
  const Manifest manifest = read_manifest(step());
  std::vector<std::string> files{"manifest.json"};
  for (const FileRecord& f : manifest.files) files.push_back(f.name);
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same places in each run
  for (const std::string& name : files) {
    const auto size = static_cast<std::int64_t>(fs::file_size(step() / name));
    for (int n = 0; n < 150; ++n) {
      const auto byte = static_cast<std::int64_t>(random()) % size;
      const int bit = static_cast<int>(random() % 8);
      flip(name, byte, bit);
      const VerifyReport report = verify_checkpoint(step());
      flip(name, byte, bit);
      ASSERT_EQ(report.findings.size(), 1U) << name << " byte " << byte << " bit " << bit;
      EXPECT_EQ(report.findings[0].file, name);
      EXPECT_EQ(report.findings[0].dataset, owner(manifest, name, byte))
          << name << " byte " << byte;
    }
  }
  EXPECT_TRUE(verify_checkpoint(step()).findings.empty());
}

TEST_F(Verify, EveryBlockIsLookedAt) {
  for (const ItemRecord& item : read_manifest(step()).items) {
    for (const BlockRecord& block : item.blocks) {
      for (const std::int64_t byte : {block.offset, block.offset + block.bytes - 1}) {
        flip(block.file, byte, 7);
        const VerifyReport report = verify_checkpoint(step());
        flip(block.file, byte, 7);
        ASSERT_EQ(report.findings.size(), 1U);
        EXPECT_EQ(report.findings[0].dataset, block.dataset);
        EXPECT_EQ(report.findings[0].file, block.file);
      }
    }
  }
}

TEST_F(Verify, MissingShorterAndLongerFilesAreFound) {
  fs::remove(step() / "index.h5");
  const fs::path cut = step() / "rank_00000.h5";
  const fs::path grown = step() / "rank_00001.h5";
  fs::resize_file(cut, 100);
  fs::resize_file(grown, fs::file_size(grown) + 1);
  std::vector<std::string> damaged;
  for (const Damage& f : verify_checkpoint(step()).findings)
    damaged.push_back(f.file + ": " + f.what);
  EXPECT_THAT(damaged, testing::Contains("index.h5: the file is missing"));
  EXPECT_THAT(damaged, testing::Contains(HasSubstr("rank_00000.h5: it has 100 bytes")));
  EXPECT_THAT(damaged, testing::Contains(HasSubstr("rank_00001.h5: it has ")));
}

TEST_F(Verify, AFolderWithoutManifestIsAFinding) {
  const VerifyReport report = verify_checkpoint(folder_.path());
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_THAT(report.findings[0].what, HasSubstr("is no checkpoint"));
}

}  // namespace
}  // namespace mneme
