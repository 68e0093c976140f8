// Other programs read checkpoints: h5py, h5dump, h5diff.
#include <cstdlib>

#include "base/text_file.h"
#include "support/ranks.h"

#include "src/checkpoint/sample_state.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

const std::string source = MNEME_SOURCE;
const std::string reader = source + "/tests/oracle/read_checkpoint.py";

int run(const std::string& command) {
  return std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): one thread by now
}

/// What h5py gives for elements of this type: bf16 as f32.
std::string as_h5py_gives(const StateItem& item) {
  std::string bytes;
  const auto raw = item.local.raw();
  if (item.local.type() != DType::bf16) {
    bytes.assign(reinterpret_cast<const char*>(raw.data()), raw.size());
    return bytes;
  }
  for (std::size_t i = 0; i < raw.size(); i += 2) {
    bytes.append(2, '\0');
    bytes.append(reinterpret_cast<const char*>(raw.data()) + i, 2);
  }
  return bytes;
}

TEST(OtherReaders, H5pyReadsAllTensorsInAnyPlace) {
  if (run(std::string(MNEME_PYTHON) + " -c 'import h5py' 2> /dev/null") != 0) {
    GTEST_SKIP() << "h5py is not here (Debian: python3-h5py)";
  }
  for (const auto& [data, memory] : {std::pair{1, 1}, std::pair{2, 2}, std::pair{1, 3}}) {
    const TempFolder folder;
    save_on(data, memory, folder.path(), 3);
    const fs::path moved = folder.path() / "moved" / "elsewhere";
    fs::create_directories(moved.parent_path());
    fs::rename(folder.path() / "step_000005", moved);
    const fs::path out = folder.path() / "out";
    fs::create_directory(out);
    ASSERT_EQ(run("cd / && " MNEME_PYTHON " " + reader + " " + moved.string() + " " + out.string() +
                  " > " + (out / "table").string()),
              0);
    const SampleState whole(3, {});
    for (std::size_t i = 0; i < whole.items().size(); ++i) {
      const StateItem& item = whole.items()[i];
      EXPECT_EQ(read_text(out / (std::to_string(i) + ".bin")), as_h5py_gives(item)) << item.name;
    }
    EXPECT_NE(read_text(out / "table").find("layers.0.norm float32 (16,)"), std::string::npos);
  }
}

TEST(OtherReaders, AMissingSourceReadsAsNaN) {
  if (run("h5dump --version > /dev/null 2>&1") != 0)
    GTEST_SKIP() << "h5dump is not here (Debian: hdf5-tools)";
  const TempFolder folder;
  save_on(1, 2, folder.path(), 3);
  const fs::path step = folder.path() / "step_000005";
  const std::string dump = "h5dump -d /pool.values " + (step / "index.h5").string() + " > " +
                           (folder.path() / "dump").string();
  ASSERT_EQ(run(dump), 0);
  EXPECT_EQ(read_text(folder.path() / "dump").find("nan"), std::string::npos);
  fs::remove(step / "rank_00001.h5");
  ASSERT_EQ(run(dump), 0);
  EXPECT_NE(read_text(folder.path() / "dump").find("nan"), std::string::npos);
}

TEST(OtherReaders, H5diffComparesTensorsOfAnyMesh) {
  if (run("h5diff --version > /dev/null 2>&1") != 0)
    GTEST_SKIP() << "h5diff is not here (Debian: hdf5-tools)";
  const TempFolder a;
  const TempFolder b;
  const TempFolder other;
  save_on(1, 3, a.path(), 3);
  save_on(2, 2, b.path(), 3);
  save_on(1, 3, other.path(), 4);
  const std::string index = "/step_000005/index.h5 ";
  const std::string diff = "h5diff --exclude-path /step " + a.path().string() + index;
  EXPECT_EQ(run(diff + b.path().string() + index + "> /dev/null"), 0);
  EXPECT_NE(run(diff + other.path().string() + index + "> /dev/null"), 0);
}

TEST(OtherReaders, ThePageQuotesTheReader) {
  const std::string page = read_text(source + "/docs/checkpoint_format.md");
  EXPECT_NE(page.find("```python\n" + read_text(reader) + "```\n"), std::string::npos)
      << "docs/checkpoint_format.md shows another reader than tests/oracle/read_checkpoint.py";
}

}  // namespace
}  // namespace mneme
