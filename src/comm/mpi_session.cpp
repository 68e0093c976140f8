#include "comm/mpi_session.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string_view>
#include <thread>

#include <mpi.h>
#include <unistd.h>

#include "base/check.h"
#include "comm/mpi_comm.h"
#include "comm/mpi_try.h"
#include "comm/self_comm.h"

namespace mneme {
namespace {

const char* variable(const char* name) {
  return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read before any thread starts
}

std::optional<int> number(const char* name) {
  const char* text = variable(name);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

bool is_launched() {
  constexpr std::array names{"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "PMIX_RANK"};
  for (const char* name : names) {
    if (variable(name) != nullptr) return true;
  }
  // A batch script also sees SLURM_* of its job; only a step of several tasks is a launch.
  return number("SLURM_STEP_NUM_TASKS").value_or(1) > 1;
}

/// The number of ranks by the launcher's account, where it says so.
std::optional<int> launched_ranks() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const auto n = number(name)) return n;
  }
  // Under mpirun inside Slurm the step counts mpirun's helpers, not the ranks.
  if (variable("PMIX_RANK") != nullptr || variable("PMI_RANK") != nullptr) return std::nullopt;
  return number("SLURM_STEP_NUM_TASKS");
}

}  // namespace

MpiSession::MpiSession() {
  if (!is_launched()) return;
  const std::optional<int> launched = launched_ranks();  // before MPI adds variables of its own
  int provided = 0;
  mpi_try(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  uses_mpi_ = true;
  require(provided >= MPI_THREAD_FUNNELED, Fault::machine,
          "this MPI does not allow threads beside the one that communicates");
  mpi_try(MPI_Comm_rank(MPI_COMM_WORLD, &world_rank_.value), "MPI_Comm_rank");
  mpi_try(MPI_Comm_size(MPI_COMM_WORLD, &world_size_), "MPI_Comm_size");
  require(launched.value_or(world_size_) == world_size_, Fault::machine,
          "the launcher started {} ranks, but MPI sees {}: use the mpirun of the MPI this program "
          "was built with, or srun --mpi=pmix",
          launched.value_or(0), world_size_);
  MPI_Comm node = MPI_COMM_NULL;
  mpi_try(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, world_rank_.value,
                              MPI_INFO_NULL, &node),
          "MPI_Comm_split_type");
  mpi_try(MPI_Comm_rank(node, &node_rank_.value), "MPI_Comm_rank");
  mpi_try(MPI_Comm_size(node, &node_size_), "MPI_Comm_size");
  mpi_try(MPI_Comm_free(&node), "MPI_Comm_free");
}

MpiSession::~MpiSession() {
  if (uses_mpi_ && std::uncaught_exceptions() == 0) MPI_Finalize();
}

std::unique_ptr<Communicator> MpiSession::world(Signatures signatures) const {
  if (!uses_mpi_) return std::make_unique<SelfComm>("world");
  return make_mpi_world("world", mpi_message_bytes, signatures);
}

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string name(text.data(), static_cast<std::size_t>(length));
  return name.substr(0, name.find_first_of(",\n"));
}

void abort_job(int code) noexcept {
  // Should MPI_Abort itself get stuck, the alarm ends this process, and the launcher the others.
  constexpr unsigned patience_s = 5;
  ::alarm(patience_s);
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized != 0 && finalized == 0) {
    // What was printed reaches the launcher by another way than the abort, whose notice would
    // overtake it on a busy machine.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    MPI_Abort(MPI_COMM_WORLD, code);
  }
  std::_Exit(code);
}

}  // namespace mneme
