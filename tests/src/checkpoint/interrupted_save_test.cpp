// Saves that do not come to their end: the process is killed, or the disk is full.
#include <chrono>
#include <csignal>
#include <optional>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/text_file.h"
#include "checkpoint/block_file.h"
#include "checkpoint/folder.h"
#include "checkpoint/retention.h"
#include "checkpoint/verify.h"
#include "comm/self_comm.h"
#include "support/ranks.h"

#include "src/checkpoint/sample_state.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::vector<SampleTensor> large_tensors() {
  return {{"pool.values", {1000, 256}, Split{"memory", 1}}, {"embedding", {100, 64}, Replicated{}}};
}

/// Runs `body` in a process of its own.
pid_t start(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  return child;
}
int status_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

/// Trains for ever: goes on from the latest checkpoint, and saves a state that depends on the step.
/// Every third step is saved twice, so that a checkpoint is replaced.
int endless_run(const fs::path& folder) {
  SelfComm world("world");
  clean_leftovers(folder);
  const LatestCheckpoint latest = latest_checkpoint(folder);
  for (std::int64_t step = latest.entry ? latest.entry->step + 1 : 1;; ++step) {
    const SampleState state(static_cast<std::uint64_t>(step), {}, large_tensors());
    for (int n = 0; n < (step % 3 == 0 ? 2 : 1); ++n) {
      if (!save_sample(world, folder, step, state, {}).ok) return 1;
    }
    prune_checkpoints(folder, {.keep_last = 1});
  }
}

TEST(InterruptedSave, KilledAtAnyMomentTheLatestIsWhole) {
  const TempFolder folder;
  SelfComm world("world");
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  ASSERT_TRUE(save_sample(world, folder.path(), 1, SampleState(1, {}, large_tensors()), {}).ok);
  // A save takes milliseconds, or many times that under a sanitizer on a busy machine.
  const auto a_save = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the moments are random enough by themselves
  std::int64_t newest = 1;
  int leftovers = 0;
  const auto is_over = [&] {
    const auto time = Clock::now() - begin;
    return time > std::chrono::seconds(5) &&
           ((newest > 1 && leftovers > 0) || time > std::chrono::seconds(60));
  };
  for (int kills = 0; kills < 200 && !is_over(); ++kills) {
    const pid_t child = start([&] { return endless_run(folder.path()); });
    std::this_thread::sleep_for(std::chrono::microseconds(random()) % (4 * a_save));
    ::kill(child, SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(status_of(child))) << "the run ended by itself";
    leftovers += clean_leftovers(folder.path()).empty() ? 0 : 1;
    const LatestCheckpoint latest = latest_checkpoint(folder.path());
    ASSERT_TRUE(latest.entry.has_value());
    EXPECT_TRUE(latest.skipped.empty()) << latest.skipped[0];
    EXPECT_GE(latest.entry->step, newest);
    newest = latest.entry->step;
    EXPECT_TRUE(verify_checkpoint(latest.entry->path).findings.empty());
    SampleState state(0, {}, large_tensors());
    load_checkpoint(world, {.checkpoint = latest.entry->path, .items = state.items()});
    EXPECT_EQ(state.memory(),
              SampleState(static_cast<std::uint64_t>(newest), {}, large_tensors()).memory());
  }
  EXPECT_GT(newest, 1);
  EXPECT_GT(leftovers, 0) << "no save was interrupted: the test showed nothing";
}

/// A small file system on a folder, while it lives; nothing where that is not allowed.
class SmallDisk {
 public:
  SmallDisk(const fs::path& folder, const char* options)
      : folder_(folder), is_mounted_(::mount("tmpfs", folder.c_str(), "tmpfs", 0, options) == 0) {}
  ~SmallDisk() {
    if (is_mounted_) ::umount(folder_.c_str());
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_mounted() const { return is_mounted_; }

 private:
  fs::path folder_;
  bool is_mounted_;
};

/// While it lives, no file of this process may grow beyond `bytes`.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : before_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit lower{bytes, limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &lower);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    std::signal(SIGXFSZ, before_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*before_)(int);
  rlimit limit_{};
};

SaveResult save_on_two_ranks(const fs::path& folder, std::int64_t step) {
  std::vector<SaveResult> results(2);
  run_ranks(2, [&](Communicator& world) {
    const MeshPosition position = position_of(world.rank(), 1, 2);
    const SampleState state(static_cast<std::uint64_t>(step), position, large_tensors());
    results[static_cast<std::size_t>(world.rank())] =
        save_sample(world, folder, step, state, position);
  });
  EXPECT_EQ(results[0].ok, results[1].ok);
  EXPECT_EQ(results[0].message, results[1].message);
  return results[0];
}

/// Saves step 1, lets `hinder` happen and saves step 2, which must fail with `words` and nothing
/// lost.
void expect_failure(const fs::path& folder,
                    const std::function<void()>& hinder,
                    const char* words) {
  ASSERT_TRUE(save_on_two_ranks(folder, 1).ok);
  hinder();
  const SaveResult failed = save_on_two_ranks(folder, 2);
  EXPECT_FALSE(failed.ok);
  EXPECT_THAT(failed.message,
              AllOf(HasSubstr("step_000002 could not be saved: "), HasSubstr(words)));
  EXPECT_FALSE(fs::exists(temporary_path(folder / "step_000002")));
  EXPECT_EQ(latest_checkpoint(folder).entry->step, 1);
  EXPECT_TRUE(verify_checkpoint(folder / "step_000001").findings.empty());
}

TEST(InterruptedSave, ADiskWithoutRoomIsSeenBeforehand) {
  const TempFolder folder;
  const SmallDisk disk(folder.path(), "size=3m");
  if (!disk.is_mounted()) GTEST_SKIP() << "no small file system can be mounted here";
  const fs::path other = folder.path() / "other";
  expect_failure(
      folder.path(), [&] { write_text(other, std::string(1'200'000, 'x')); }, "make room");
  fs::remove(other);
  EXPECT_TRUE(save_on_two_ranks(folder.path(), 2).ok);
}

/// The folder itself, the first checkpoint (5), the second one's folder and one of its two files.
TEST(InterruptedSave, OneRankThatCannotWriteFailsTheSaveOfAll) {
  const TempFolder folder;
  const SmallDisk disk(folder.path(), "size=100m,nr_inodes=8");
  if (!disk.is_mounted()) GTEST_SKIP() << "no small file system can be mounted here";
  expect_failure(
      folder.path(), [] {}, "No space left on device");
}

TEST(InterruptedSave, ALimitOnFileSizesIsTold) {
  const TempFolder folder;
  std::optional<FileSizeLimit> limit;
  expect_failure(
      folder.path(), [&] { limit.emplace(400'000); }, "files may have 400000 at most here");
  limit.reset();
  EXPECT_TRUE(save_on_two_ranks(folder.path(), 2).ok);
}

TEST(InterruptedSave, ADiskThatFillsUpWhileWritingIsAnErrorOfTheMachine) {
  const TempFolder folder;
  const SmallDisk disk(folder.path(), "size=1m");
  if (!disk.is_mounted()) GTEST_SKIP() << "no small file system can be mounted here";
  const std::vector<std::byte> data(std::size_t{4} << 20);
  const Shape shape{std::ssize(data)};
  const BlockSource block{
      .dataset = "/a", .type = DType::u8, .global = shape, .box = {{0}, shape}, .data = data};
  try {
    write_block_file(folder.path(), "rank_00000.h5", std::span(&block, 1));
    ADD_FAILURE() << "4 MiB fit on a disk of 1 MiB";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::machine);
    EXPECT_THAT(e.what(),
                AllOf(HasSubstr("rank_00000.h5 at byte"), HasSubstr("No space left on device")));
  }
}

}  // namespace
}  // namespace mneme
