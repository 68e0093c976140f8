#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/math.h"
#include "tensor/shape.h"

namespace mneme {

/// Every rank holds the whole tensor.
struct Replicated {
  friend bool operator==(const Replicated&, const Replicated&) = default;
};

/// Rank m of M on a mesh axis holds the block [floor(m*n/M), floor((m+1)*n/M)) of one dimension.
struct Split {
  std::string mesh_axis;
  int dimension = 0;
  friend bool operator==(const Split&, const Split&) = default;
};

using Placement = std::variant<Replicated, Split>;

/// Where this rank sits on each axis of the mesh. Plain numbers, so that a plan for a thousand
/// ranks needs none of them.
class MeshPosition {
 public:
  struct Axis {
    std::string name;
    std::int64_t index = 0;
    std::int64_t size = 1;
  };
  MeshPosition() = default;  // one rank alone: every axis has size 1
  explicit MeshPosition(std::vector<Axis> axes) : axes_(std::move(axes)) {}
  Axis axis(std::string_view name) const;

 private:
  std::vector<Axis> axes_;
};

/// The block of a tensor that this rank holds: ranges of the first two dimensions; further
/// dimensions are never split.
struct LocalBlock {
  Shape shape;        // of the block
  int dimension = 0;  // the split one
  Range range;        // in that dimension, of the global tensor
};
LocalBlock local_block(const Shape& global, const Placement& place, const MeshPosition& position);

}  // namespace mneme
