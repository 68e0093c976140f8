#include "comm/communicator.h"

#include <algorithm>
#include <utility>

#include "base/math.h"

namespace mneme {
Communicator::Communicator(std::string name, int rank, int size, Signatures signatures)
    : name_(std::move(name)), rank_(rank), size_(size), signatures_(signatures) {
  require(size >= 1 && rank >= 0 && rank < size, Fault::bug,
          "communicator '{}': rank {} of {} ranks", name_, rank, size);
}

Communicator::~Communicator() = default;

Communicator::Transfer Communicator::empty_transfer() const {
  Transfer t;
  t.to.resize(size_of(size_));
  t.from.resize(size_of(size_));
  return t;
}

Traffic::Line& Communicator::line_of(const char* op) {
  const auto same = [&](const Traffic::Line& line) { return line.operation == op; };
  const auto found = std::find_if(traffic_.lines.begin(), traffic_.lines.end(), same);
  if (found != traffic_.lines.end()) return *found;
  return traffic_.lines.emplace_back(Traffic::Line{op});
}

void Communicator::count_call(const char* op) {
  ++line_of(op).calls;
}

Pending Communicator::exchange(const char* op, Transfer transfer, const Exec& ex) {
  std::int64_t sent = 0;
  for (int p = 0; p < size_; ++p) {
    if (p != rank_) sent += static_cast<std::int64_t>(transfer.to[size_of(p)].size());
  }
  line_of(op).bytes += sent;
  if (ex.measuring()) return {};
  return do_exchange(op, std::move(transfer));
}

void Communicator::require_same_everywhere(const std::string& what) {
  if (signatures_ == Signatures::unchecked || size_ == 1) return;
  const Signature mine = Signature::of(what);
  std::vector<Signature> all(size_of(size_));
  Transfer t = empty_transfer();
  for (int p = 0; p < size_; ++p) {
    t.to[size_of(p)] = std::as_bytes(std::span(&mine, 1));
    t.from[size_of(p)] = std::as_writable_bytes(std::span(&all[size_of(p)], 1));
  }
  do_exchange("signature", std::move(t)).wait();
  for (int p = 0; p < size_; ++p) {
    require(all[size_of(p)].hash == mine.hash, Fault::bug, "[rank {}] {}, but rank {} is at {}",
            rank_, mine.shown(), p, all[size_of(p)].shown());
  }
}

void Communicator::require_counts_agree(const char* op,
                                        std::span<const std::int64_t> rows_to,
                                        std::span<const std::int64_t> rows_from) {
  if (signatures_ == Signatures::unchecked || size_ == 1) return;
  std::vector<std::int64_t> theirs(size_of(size_));
  Transfer t = empty_transfer();
  for (int p = 0; p < size_; ++p) {
    t.to[size_of(p)] = std::as_bytes(rows_to.subspan(size_of(p), 1));
    t.from[size_of(p)] = std::as_writable_bytes(std::span(theirs).subspan(size_of(p), 1));
  }
  do_exchange("signature", std::move(t)).wait();
  for (int p = 0; p < size_; ++p) {
    require(theirs[size_of(p)] == rows_from[size_of(p)], Fault::bug,
            "[rank {}] {} on '{}' waits for {} rows from rank {}, which sends {}", rank_, op, name_,
            rows_from[size_of(p)], p, theirs[size_of(p)]);
  }
}

void Communicator::barrier() {
  require_same_everywhere("barrier");
  if (size_ > 1) do_barrier();
}

std::unique_ptr<Communicator> Communicator::group(std::string name, std::span<const int> members) {
  const bool am_in = std::count(members.begin(), members.end(), rank_) == 1;
  const bool in_range =
      std::all_of(members.begin(), members.end(), [&](int p) { return p >= 0 && p < size_; });
  require(am_in && in_range, Fault::bug,
          "group '{}' of '{}': rank {} must be named once, all ranks must be below {}", name, name_,
          rank_, size_);
  return do_group(std::move(name), members);
}

std::unique_ptr<Communicator> Communicator::split(std::string name, int color, int key) {
  struct Wish {
    int color;
    int key;
  };
  const Wish mine{color, key};
  std::vector<Wish> all(size_of(size_));
  Transfer t = empty_transfer();
  for (int p = 0; p < size_; ++p) {
    t.to[size_of(p)] = std::as_bytes(std::span(&mine, 1));
    t.from[size_of(p)] = std::as_writable_bytes(std::span(&all[size_of(p)], 1));
  }
  do_exchange("split", std::move(t)).wait();
  std::vector<int> members;
  for (int p = 0; p < size_; ++p) {
    if (all[size_of(p)].color == color) members.push_back(p);
  }
  std::stable_sort(members.begin(), members.end(),
                   [&](int a, int b) { return all[size_of(a)].key < all[size_of(b)].key; });
  return group(std::move(name), members);
}

}  // namespace mneme
