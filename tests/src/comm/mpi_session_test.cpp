#include "comm/mpi_session.h"

#include <array>
#include <cstdlib>

#include <gtest/gtest.h>
#include <mpi.h>

#include "base/check.h"

namespace mneme {
namespace {

TEST(MpiSession, AProcessThatNoLauncherStartedNeverCallsMpi) {
  for (const char* name :
       {"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "PMIX_RANK", "SLURM_STEP_NUM_TASKS"}) {
    ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  const MpiSession session;
  EXPECT_FALSE(session.uses_mpi());
  EXPECT_EQ(session.world_size(), 1);
  EXPECT_EQ(session.node_size(), 1);
  const auto world = session.world();
  EXPECT_EQ(world->size(), 1);
  EXPECT_EQ(world->name(), "world");
  world->barrier();
  int initialized = -1;
  MPI_Initialized(&initialized);
  EXPECT_EQ(initialized, 0);
}

TEST(AbortJobDeathTest, WithoutMpiEndsTheProcessWithTheCode) {
  EXPECT_EXIT(abort_job(static_cast<int>(Fault::checkpoint)), testing::ExitedWithCode(4), "");
}

}  // namespace
}  // namespace mneme
