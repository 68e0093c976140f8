#include "kernels/util/columns.h"

#include <cstring>

#include "kernels/parallel.h"

#include "base/scope.h"

namespace mneme {
namespace {

void check(ConstView block, ConstView whole, std::int64_t first, const char* op) {
  require(block.shape().rank() == 2 && whole.shape().rank() == 2, Fault::bug, "{}: not matrices",
          op);
  require(block.type() == whole.type() && block.extent(0) == whole.extent(0) && first >= 0 &&
              first + block.extent(1) <= whole.extent(1),
          Fault::bug, "{}: block {} {} at column {} of {} {}", op, enum_name(block.type()),
          to_string(block.shape()), first, enum_name(whole.type()), to_string(whole.shape()));
}

}  // namespace

void put_columns(Exec& ex, ConstView block, View whole, std::int64_t first) {
  const Scope scope("put_columns");
  check(block, whole, first, "put_columns");
  if (ex.measuring() || block.count() == 0) return;
  const std::size_t width = byte_count(block.type(), {block.extent(1)});
  const std::size_t pitch = byte_count(whole.type(), {whole.extent(1)});
  std::byte* out = whole.data() + byte_count(whole.type(), {first});
  cpu::parallel_blocks(ex, block.extent(0), [&](std::int64_t begin, std::int64_t end, int) {
    for (auto t = size_of(begin); t < size_of(end); ++t) {
      std::memcpy(out + t * pitch, block.data() + t * width, width);
    }
  });
}

void take_columns(Exec& ex, ConstView whole, std::int64_t first, View block) {
  const Scope scope("take_columns");
  check(block, whole, first, "take_columns");
  if (ex.measuring() || block.count() == 0) return;
  const std::size_t width = byte_count(block.type(), {block.extent(1)});
  const std::size_t pitch = byte_count(whole.type(), {whole.extent(1)});
  const std::byte* in = whole.data() + byte_count(whole.type(), {first});
  cpu::parallel_blocks(ex, block.extent(0), [&](std::int64_t begin, std::int64_t end, int) {
    for (auto t = size_of(begin); t < size_of(end); ++t) {
      std::memcpy(block.data() + t * width, in + t * pitch, width);
    }
  });
}

}  // namespace mneme
