#include "base/file.h"

#include <array>

#include "base/folder_lock.h"
#include "base/text_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mneme {
namespace {

TEST(File, TheFaultOfAMissingOrShortFileIsTheOpeners) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  const auto missing = [&](FileFaults faults) { File::open_to_read(path, faults); };
  expect_error(Fault::user, "there is no file", [&] { missing({}); });
  expect_error(Fault::checkpoint, "there is no file", [&] { missing(checkpoint_faults); });
  expect_error(Fault::user, "not a regular file", [&] { File::open_to_read(folder.path()); });
  write_text(path, "three");
  std::array<std::byte, 6> bytes{};
  expect_error(Fault::data, "cut short", [&] { File::open_to_read(path).read_at(0, bytes); });
  expect_error(Fault::checkpoint, "cut short",
               [&] { File::open_to_read(path, checkpoint_faults).read_at(0, bytes); });
  EXPECT_EQ(File::open_to_read(path).read_some(2, bytes), 3);
}

TEST(File, OpenedToWriteItKeepsWhatIsThere) {
  const TemporaryFolder folder;
  write_text_atomically(folder / "a", "abcdef");
  File file = File::open_to_write(folder / "a");
  file.truncate(4);
  file.write_at(2, std::as_bytes(std::span("XYZ", 3)));
  EXPECT_EQ(read_text(folder / "a"), "abXYZ");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.new"));
}

TEST(FolderLock, AnotherIsRefusedWhileTheFirstLives) {
  const TemporaryFolder folder;
  {
    const FolderLock first(folder.path(), "mneme prep");
    expect_error(Fault::user, "another `mneme prep` is at work in",
                 [&] { FolderLock(folder.path(), "mneme prep"); });
  }
  const FolderLock next(folder.path(), "mneme prep");
}

}  // namespace
}  // namespace mneme
