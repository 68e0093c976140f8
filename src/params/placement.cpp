#include "params/placement.h"

namespace mneme {

MeshPosition::Axis MeshPosition::axis(std::string_view name) const {
  for (const Axis& axis : axes_) {
    if (axis.name == name) return axis;
  }
  return {std::string(name), 0, 1};
}

LocalBlock local_block(const Shape& global, const Placement& place, const MeshPosition& position) {
  const auto* split = std::get_if<Split>(&place);
  if (split == nullptr) return {global, 0, {0, global.rank() == 0 ? 1 : global[0]}};
  const MeshPosition::Axis axis = position.axis(split->mesh_axis);
  const Range range = block_of(global[split->dimension], axis.index, axis.size);
  return {global.with(split->dimension, range.count()), split->dimension, range};
}

}  // namespace mneme
