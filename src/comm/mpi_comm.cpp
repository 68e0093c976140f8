#include "comm/mpi_comm.h"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <mpi.h>

#include "base/math.h"
#include "comm/copy_piece.h"
#include "comm/mpi_try.h"

namespace mneme {
namespace {

constexpr int tag =
    0;  // messages of one pair of ranks never overtake, and all ranks keep one order

/// Owns an MPI communicator.
class MpiHandle {
 public:
  explicit MpiHandle(MPI_Comm owned) : comm_(owned) {
    mpi_try(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }
  MpiHandle(MpiHandle&& other) noexcept : comm_(std::exchange(other.comm_, MPI_COMM_NULL)) {}
  MpiHandle& operator=(MpiHandle&&) = delete;
  MpiHandle(const MpiHandle&) = delete;
  MpiHandle& operator=(const MpiHandle&) = delete;
  ~MpiHandle() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    // While an exception ends the job the others will not answer: leave it to the abort.
    if (comm_ == MPI_COMM_NULL || finalized != 0 || std::uncaught_exceptions() > 0) return;
    MPI_Comm_free(&comm_);
  }

  MPI_Comm get() const { return comm_; }
  int rank() const {
    int rank = 0;
    mpi_try(MPI_Comm_rank(comm_, &rank), "MPI_Comm_rank");
    return rank;
  }
  int size() const {
    int size = 0;
    mpi_try(MPI_Comm_size(comm_, &size), "MPI_Comm_size");
    return size;
  }

 private:
  MPI_Comm comm_;
};

/// The messages of one exchange.
class Messages final : public Pending::Work {
 public:
  Messages(MPI_Comm comm, std::size_t message_bytes, const char* op)
      : comm_(comm), message_bytes_(message_bytes), op_(op) {}

  void receive(std::span<std::byte> piece, int from) {
    for (; !piece.empty(); piece = piece.subspan(std::min(message_bytes_, piece.size()))) {
      const auto count = narrow<int>(std::min(message_bytes_, piece.size()));
      MPI_Request& request = requests_.emplace_back(MPI_REQUEST_NULL);
      awaited_.push_back({count, from});
      mpi_try(MPI_Irecv(piece.data(), count, MPI_BYTE, from, tag, comm_, &request), "MPI_Irecv");
    }
  }
  void send(std::span<const std::byte> piece, int to) {
    for (; !piece.empty(); piece = piece.subspan(std::min(message_bytes_, piece.size()))) {
      const auto count = narrow<int>(std::min(message_bytes_, piece.size()));
      MPI_Request& request = requests_.emplace_back(MPI_REQUEST_NULL);
      mpi_try(MPI_Isend(piece.data(), count, MPI_BYTE, to, tag, comm_, &request), "MPI_Isend");
    }
  }

  void wait() override {
    std::vector<MPI_Status> statuses(requests_.size());
    const int code = MPI_Waitall(narrow<int>(requests_.size()), requests_.data(), statuses.data());
    if (code == MPI_ERR_IN_STATUS) {
      for (const MPI_Status& s : statuses) {
        if (s.MPI_ERROR != MPI_ERR_PENDING) mpi_try(s.MPI_ERROR, op_);
      }
    }
    mpi_try(code, op_);
    for (std::size_t i = 0; i < awaited_.size(); ++i) {  // receives were posted first
      int count = 0;
      mpi_try(MPI_Get_count(&statuses[i], MPI_BYTE, &count), "MPI_Get_count");
      require(count == awaited_[i].bytes, Fault::bug, "{}: rank {} sent {} bytes, {} were awaited",
              op_, awaited_[i].from, count, awaited_[i].bytes);
    }
  }

 private:
  struct Awaited {
    int bytes;
    int from;
  };
  MPI_Comm comm_;
  std::size_t message_bytes_;
  const char* op_;
  std::vector<MPI_Request> requests_;
  std::vector<Awaited> awaited_;  // by receive
};

class MpiComm final : public Communicator {
 public:
  MpiComm(std::string name, MpiHandle handle, std::size_t message_bytes, Signatures signatures)
      : Communicator(std::move(name), handle.rank(), handle.size(), signatures),
        handle_(std::move(handle)),
        message_bytes_(message_bytes) {}

 private:
  Pending do_exchange(const char* op, Transfer transfer) override {
    auto messages = std::make_unique<Messages>(handle_.get(), message_bytes_, op);
    // Nearest neighbours first, so that not all ranks address the same one at once.
    for (int i = 1; i < size(); ++i) {
      const int p = (rank() - i + size()) % size();
      messages->receive(transfer.from[size_of(p)], p);
    }
    for (int i = 1; i < size(); ++i) {
      const int p = (rank() + i) % size();
      messages->send(transfer.to[size_of(p)], p);
    }
    copy_piece(transfer.to[size_of(rank())], transfer.from[size_of(rank())], op);
    return Pending(std::move(messages));
  }

  void do_barrier() override { mpi_try(MPI_Barrier(handle_.get()), "MPI_Barrier"); }

  std::unique_ptr<Communicator> do_group(std::string group_name,
                                         std::span<const int> members) override {
    const auto key = std::find(members.begin(), members.end(), rank()) - members.begin();
    MPI_Comm made = MPI_COMM_NULL;
    mpi_try(MPI_Comm_split(handle_.get(), members[0], narrow<int>(key), &made), "MPI_Comm_split");
    MpiHandle group(made);
    require(group.size() == narrow<int>(members.size()), Fault::bug,
            "group '{}' of '{}': rank {} names {} members, {} ranks came", group_name, name(),
            rank(), members.size(), group.size());
    return std::make_unique<MpiComm>(std::move(group_name), std::move(group), message_bytes_,
                                     signatures());
  }

  MpiHandle handle_;
  std::size_t message_bytes_;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_world(std::string name,
                                             std::size_t message_bytes,
                                             Signatures signatures) {
  require(message_bytes >= 1 && message_bytes <= mpi_message_bytes, Fault::bug,
          "MPI messages of {} bytes, wanted 1 to {}", message_bytes, mpi_message_bytes);
  MPI_Comm made = MPI_COMM_NULL;
  mpi_try(MPI_Comm_dup(MPI_COMM_WORLD, &made), "MPI_Comm_dup");
  return std::make_unique<MpiComm>(std::move(name), MpiHandle(made), message_bytes, signatures);
}

}  // namespace mneme
