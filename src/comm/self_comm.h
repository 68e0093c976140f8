#pragma once

#include <memory>
#include <span>
#include <string>

#include "comm/communicator.h"

namespace mneme {

/// One rank alone: a collective is at most a copy. Needs no MPI.
class SelfComm final : public Communicator {
 public:
  explicit SelfComm(std::string name);

 private:
  Pending do_exchange(const char* op, Transfer transfer) override;
  void do_barrier() override {}
  std::unique_ptr<Communicator> do_group(std::string name, std::span<const int> members) override;
};

}  // namespace mneme
