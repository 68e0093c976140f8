#include "checkpoint/box.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"
#include "base/math.h"

namespace mneme {
namespace {

constexpr int full = Shape::max_rank;
using Extents = std::array<std::int64_t, full>;

/// Two boxes as four dimensions, those in front of extent 1. A dimension in which both have the
/// same range is merged with the one before, so that rows are long; the merged one counts elements.
struct Pair {
  Extents from_start{}, from_count{1, 1, 1, 1}, to_start{}, to_count{1, 1, 1, 1};
  Pair(const Box& from, const Box& to) {
    int at = full;
    for (int d = from.start.rank() - 1; d >= 0; --d) {
      const bool merge = at < full && is_whole_in_both(at);
      if (!merge) --at;
      const auto i = static_cast<std::size_t>(at);
      const std::int64_t inner = merge ? from_count[i] : 1;
      from_start[i] = from.start[d] * inner;
      from_count[i] = from.count[d] * inner;
      to_start[i] = to.start[d] * inner;
      to_count[i] = to.count[d] * inner;
    }
  }

 private:
  bool is_whole_in_both(int d) const {
    const auto i = static_cast<std::size_t>(d);
    return from_start[i] == to_start[i] && from_count[i] == to_count[i];
  }
};

}  // namespace

std::string to_string(const Box& box) {
  std::string text = "[";
  for (int d = 0; d < box.start.rank(); ++d) {
    text += fmt::format("{}{}:{}", d == 0 ? "" : ", ", box.start[d], box.start[d] + box.count[d]);
  }
  return text + "]";
}

Box intersection(const Box& a, const Box& b) {
  require(a.start.rank() == b.start.rank(), Fault::bug, "boxes of rank {} and {}", a.start.rank(),
          b.start.rank());
  Box common{a.start, a.count};
  for (int d = 0; d < a.start.rank(); ++d) {
    const std::int64_t first = std::max(a.start[d], b.start[d]);
    const std::int64_t last = std::min(a.start[d] + a.count[d], b.start[d] + b.count[d]);
    common.start = common.start.with(d, first);
    common.count = common.count.with(d, std::max<std::int64_t>(0, last - first));
  }
  return common;
}

bool lies_in(const Box& box, const Shape& shape) {
  if (box.start.rank() != shape.rank() || box.count.rank() != shape.rank()) return false;
  for (int d = 0; d < shape.rank(); ++d) {
    if (box.start[d] > shape[d] || box.count[d] > shape[d] - box.start[d]) return false;
  }
  return true;
}

Box box_of(const StateItem& item, const MeshPosition& position) {
  const LocalBlock block = local_block(item.shape, item.place, position);
  require(item.local.given() && item.local.shape() == block.shape, Fault::bug,
          "the state item {} of shape {} is given as {}, but this rank's block is {}", item.name,
          to_string(item.shape), to_string(item.local.shape()), to_string(block.shape));
  Box box{item.shape, block.shape};
  for (int d = 0; d < item.shape.rank(); ++d) {
    box.start = box.start.with(d, d == block.dimension ? block.range.first : 0);
  }
  return box;
}

void copy_common(std::span<const std::byte> piece,
                 std::int64_t first,
                 const Box& from,
                 const Box& to,
                 std::size_t element,
                 std::span<std::byte> target) {
  const Pair p(from, to);
  const auto elements = static_cast<std::int64_t>(piece.size() / element);
  const std::int64_t row = p.from_count[full - 1];
  std::int64_t done = 0;
  while (done < elements) {
    const std::int64_t column = (first + done) % row;
    const std::int64_t run = std::min(row - column, elements - done);
    std::int64_t index = (first + done) / row;  // of the row
    std::int64_t place = 0;                     // of the row in `to`
    std::int64_t stride = 1;
    bool inside = true;
    for (int d = full - 2; d >= 0; --d) {
      const auto i = static_cast<std::size_t>(d);
      const std::int64_t at = p.from_start[i] + index % p.from_count[i] - p.to_start[i];
      inside = inside && at >= 0 && at < p.to_count[i];
      place += at * stride;
      stride *= p.to_count[i];
      index /= p.from_count[i];
    }
    const std::int64_t global = p.from_start[full - 1] + column;
    const std::int64_t begin = std::max(global, p.to_start[full - 1]);
    const std::int64_t end = std::min(global + run, p.to_start[full - 1] + p.to_count[full - 1]);
    if (inside && begin < end) {
      const std::int64_t there = place * p.to_count[full - 1] + begin - p.to_start[full - 1];
      std::memcpy(target.data() + size_of(there) * element,
                  piece.data() + size_of(done + begin - global) * element,
                  size_of(end - begin) * element);
    }
    done += run;
  }
}

}  // namespace mneme
