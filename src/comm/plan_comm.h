#pragma once

#include <memory>
#include <span>
#include <string>

#include "comm/communicator.h"

namespace mneme {

/// One rank of a communicator that does not exist: for measuring runs, which check shapes and add
/// up scratch and traffic of any number of ranks in one process. Communicating for real, and
/// `split`, which would have to ask the other ranks, are errors; `group` works.
class PlanComm final : public Communicator {
 public:
  PlanComm(std::string name, int rank, int size);

 private:
  Pending do_exchange(const char* op, Transfer transfer) override;
  void do_barrier() override;
  std::unique_ptr<Communicator> do_group(std::string name, std::span<const int> members) override;
};

}  // namespace mneme
