#include "comm/thread_comm.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "base/math.h"
#include "comm/copy_piece.h"

namespace mneme {
namespace {

/// What the ranks of all communicators of one world share.
struct Job {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::uint8_t> has_left;  // by world rank, 0 or 1
  bool has_failed = false;
  std::string reason;
  bool may_spin = false;
};

/// What the ranks of one communicator share.
struct Meeting {
  Meeting(std::shared_ptr<Job> shared_job, std::vector<int> ranks)
      : job(std::move(shared_job)),
        world_ranks(std::move(ranks)),
        posted(world_ranks.size()),
        offers(world_ranks.size()) {}

  std::shared_ptr<Job> job;      // shared: threads end in any order, the last one frees it
  std::vector<int> world_ranks;  // by rank here
  std::size_t arrived = 0;       // guarded by job->mutex
  std::atomic<std::uint64_t> round = 0;
  // Written by its rank before a meeting, read by the others until the next one.
  std::vector<const std::vector<std::span<const std::byte>>*> posted;
  std::vector<std::shared_ptr<Meeting>> offers;
};

/// What ends a wait before all ranks have come.
enum class Breakable { yes, no };

void spin_briefly(const Meeting& m, std::uint64_t round) {
  constexpr int turns = 2000;
  for (int i = 0; i < turns; ++i) {
    if (m.round.load(std::memory_order_acquire) != round) return;
  }
}

void require_all_there(const Meeting& m, int rank, const char* op, std::string_view name) {
  const Job& job = *m.job;
  const int me = m.world_ranks[size_of(rank)];
  require(!job.has_failed, Fault::machine, "[rank {}] gave up {} on '{}': {}", me, op, name,
          job.reason);
  for (const int p : m.world_ranks) {
    require(job.has_left[size_of(p)] == 0, Fault::bug,
            "[rank {}] {} on '{}' waits for rank {}, which is done", me, op, name, p);
  }
}

/// Returns when all ranks of the meeting have called it.
///
/// A wait that broke off leaves `arrived` as it is: the world stays failed or left, so that no
/// later call can count on it. The second meeting of an exchange must not break: the others still
/// read this rank's pieces, and each of them is sure to come.
void meet(Meeting& m, Breakable breakable, int rank, const char* op, std::string_view name) {
  Job& job = *m.job;
  std::unique_lock lock(job.mutex);
  if (breakable == Breakable::yes) require_all_there(m, rank, op, name);
  const std::uint64_t round = m.round.load(std::memory_order_relaxed);
  if (++m.arrived == m.world_ranks.size()) {
    m.arrived = 0;
    m.round.store(round + 1, std::memory_order_release);
    lock.unlock();
    job.changed.notify_all();
    return;
  }
  if (job.may_spin) {
    lock.unlock();
    spin_briefly(m, round);
    lock.lock();
  }
  while (m.round.load(std::memory_order_relaxed) == round) {
    if (breakable == Breakable::yes) require_all_there(m, rank, op, name);
    job.changed.wait(lock);
  }
}

class ThreadComm final : public Communicator {
 public:
  ThreadComm(std::string name, int rank, std::shared_ptr<Meeting> meeting, Signatures signatures)
      : Communicator(std::move(name), rank, narrow<int>(meeting->world_ranks.size()), signatures),
        meeting_(std::move(meeting)) {}

 private:
  Pending do_exchange(const char* op, Transfer transfer) override {
    Meeting& m = *meeting_;
    m.posted[size_of(rank())] = &transfer.to;
    meet(m, Breakable::yes, rank(), op, name());
    std::exception_ptr wrong;
    for (int i = 0; i < size(); ++i) {
      const int p = (rank() + i) % size();  // not all from the same rank at once
      try {
        copy_piece((*m.posted[size_of(p)])[size_of(rank())], transfer.from[size_of(p)], op);
      } catch (...) {
        wrong = std::current_exception();
      }
    }
    meet(m, Breakable::no, rank(), op, name());
    if (wrong != nullptr) std::rethrow_exception(wrong);
    return {};
  }

  void do_barrier() override { meet(*meeting_, Breakable::yes, rank(), "barrier", name()); }

  std::unique_ptr<Communicator> do_group(std::string group_name,
                                         std::span<const int> members) override {
    Meeting& m = *meeting_;
    const int leader = members[0];
    if (rank() == leader) {
      std::vector<int> world_ranks;
      for (const int p : members) world_ranks.push_back(m.world_ranks[size_of(p)]);
      m.offers[size_of(rank())] = std::make_shared<Meeting>(m.job, std::move(world_ranks));
    }
    meet(m, Breakable::yes, rank(), "group", name());
    const std::shared_ptr<Meeting> mine = m.offers[size_of(leader)];
    meet(m, Breakable::no, rank(), "group", name());
    if (rank() == leader) m.offers[size_of(rank())] = nullptr;
    const auto place = std::find(members.begin(), members.end(), rank()) - members.begin();
    require(mine != nullptr && mine->world_ranks.size() == members.size(), Fault::bug,
            "group '{}' of '{}': rank {} and rank {} name different members", group_name, name(),
            rank(), leader);
    return std::make_unique<ThreadComm>(std::move(group_name), narrow<int>(place), mine,
                                        signatures());
  }

  std::shared_ptr<Meeting> meeting_;
};

}  // namespace

class ThreadWorld::Impl {
 public:
  Impl(int ranks, int threads_per_rank, Signatures signatures)
      : job_(std::make_shared<Job>()), signatures_(signatures) {
    require(ranks >= 1, Fault::bug, "a world of {} ranks", ranks);
    job_->has_left.resize(size_of(ranks));
    const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
    job_->may_spin = std::int64_t{ranks} * threads_per_rank <= cores;
    std::vector<int> world_ranks(size_of(ranks));
    std::iota(world_ranks.begin(), world_ranks.end(), 0);
    meeting_ = std::make_shared<Meeting>(job_, std::move(world_ranks));
  }
  int size() const { return narrow<int>(meeting_->world_ranks.size()); }
  Job& job() { return *job_; }
  std::unique_ptr<Communicator> communicator(int rank) {
    return std::make_unique<ThreadComm>("world", rank, meeting_, signatures_);
  }

 private:
  std::shared_ptr<Job> job_;
  std::shared_ptr<Meeting> meeting_;
  Signatures signatures_;
};

ThreadWorld::ThreadWorld(int ranks, int threads_per_rank, Signatures signatures)
    : impl_(std::make_unique<Impl>(ranks, threads_per_rank, signatures)) {}

ThreadWorld::~ThreadWorld() = default;

int ThreadWorld::size() const {
  return impl_->size();
}

std::unique_ptr<Communicator> ThreadWorld::communicator(int rank) {
  return impl_->communicator(rank);
}

bool ThreadWorld::fail(int rank, const std::string& reason) {
  Job& job = impl_->job();
  {
    const std::lock_guard lock(job.mutex);
    if (job.has_failed) return false;
    job.has_failed = true;
    job.reason = fmt::format("rank {} failed: {}", rank, reason);
  }
  job.changed.notify_all();
  return true;
}

void ThreadWorld::leave(int rank) {
  Job& job = impl_->job();
  {
    const std::lock_guard lock(job.mutex);
    job.has_left[size_of(rank)] = 1;
  }
  job.changed.notify_all();
}

}  // namespace mneme
