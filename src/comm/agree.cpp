#include "comm/agree.h"

namespace mneme {
namespace {

template <class X>
void reduce_host(Communicator& ranks, std::span<X> values, Reduce op, Exec& ex) {
  const auto n = static_cast<std::int64_t>(values.size());
  ranks.all_reduce(view_of<X>(values, {n}), op, ex).wait();
}

}  // namespace

void agree_on_max(Communicator& ranks, std::span<std::int64_t> values, Exec& ex) {
  reduce_host(ranks, values, Reduce::max, ex);
}

void add_up(Communicator& ranks, std::span<double> values, Exec& ex) {
  reduce_host(ranks, values, Reduce::sum, ex);
}

void add_up(Communicator& ranks, std::span<std::int64_t> values, Exec& ex) {
  reduce_host(ranks, values, Reduce::sum, ex);
}

}  // namespace mneme
