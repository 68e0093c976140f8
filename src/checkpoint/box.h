#pragma once

#include <span>
#include <string>

#include "params/param_set.h"
#include "params/placement.h"
#include "tensor/shape.h"

namespace mneme {

/// A hyper-rectangle of a global tensor: elements start[d] .. start[d]+count[d]-1 of dimension d.
struct Box {
  Shape start;
  Shape count;
  bool is_empty() const { return count.count() == 0; }
  friend bool operator==(const Box&, const Box&) = default;
};

/// "[0:512, 128:256]"
std::string to_string(const Box& box);

/// What two boxes of one tensor have in common; an empty box if nothing.
Box intersection(const Box& a, const Box& b);

/// True if `box` lies in a tensor of this shape.
bool lies_in(const Box& box, const Shape& shape);

/// The box of an item that the rank at `position` holds. Fault::bug if the item's view does not
/// have that shape.
Box box_of(const StateItem& item, const MeshPosition& position);

/// Copies elements between two boxes of one tensor.
///
///   `piece` holds the bytes of consecutive elements (row-major within `from`), the first of which
///   is element `first`; those that lie in `to` go to their place in `target`, which holds all of
///   `to`, row-major. `element` is the bytes of one.  O(rows of the piece).
void copy_common(std::span<const std::byte> piece,
                 std::int64_t first,
                 const Box& from,
                 const Box& to,
                 std::size_t element,
                 std::span<std::byte> target);

}  // namespace mneme
