#include "comm/self_comm.h"

#include <utility>

#include "comm/copy_piece.h"

namespace mneme {

SelfComm::SelfComm(std::string name) : Communicator(std::move(name), 0, 1, Signatures::unchecked) {}

Pending SelfComm::do_exchange(const char* op, Transfer transfer) {
  copy_piece(transfer.to[0], transfer.from[0], op);
  return {};
}

std::unique_ptr<Communicator> SelfComm::do_group(std::string name, std::span<const int>) {
  return std::make_unique<SelfComm>(std::move(name));
}

}  // namespace mneme
