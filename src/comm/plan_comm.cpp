#include "comm/plan_comm.h"

#include <algorithm>
#include <utility>

#include "base/math.h"

namespace mneme {

PlanComm::PlanComm(std::string name, int rank, int size)
    : Communicator(std::move(name), rank, size, Signatures::unchecked) {}

Pending PlanComm::do_exchange(const char* op, Transfer) {
  fail(Fault::bug, "{} on '{}', which is only planned: wanted a measuring Exec", op, name());
}

void PlanComm::do_barrier() {
  fail(Fault::bug, "barrier on '{}', which is only planned", name());
}

std::unique_ptr<Communicator> PlanComm::do_group(std::string name, std::span<const int> members) {
  const auto me = std::find(members.begin(), members.end(), rank());
  return std::make_unique<PlanComm>(std::move(name), narrow<int>(me - members.begin()),
                                    narrow<int>(members.size()));
}

}  // namespace mneme
