#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/check.h"

namespace mneme {

/// Extents of a tensor, at most four, by value. Row-major: the last one is contiguous.
class Shape {
 public:
  static constexpr int max_rank = 4;

  constexpr Shape() = default;  // rank 0: one element
  constexpr Shape(
      std::initializer_list<std::int64_t> extents) {  // NOLINT(google-explicit-constructor)
    require(extents.size() <= max_rank, Fault::bug,
            "a shape has {} extents, at most 4 are supported", extents.size());
    for (const std::int64_t n : extents) {
      require(n >= 0, Fault::bug, "a shape has the extent {}", n);
      extents_[static_cast<std::size_t>(rank_++)] = n;
    }
  }

  constexpr int rank() const { return rank_; }
  constexpr std::int64_t operator[](int i) const {
    require(i >= 0 && i < rank_, Fault::bug, "extent {} of a shape of rank {}", i, rank_);
    return extents_[static_cast<std::size_t>(i)];
  }
  constexpr std::int64_t count() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= extents_[static_cast<std::size_t>(i)];
    return n;
  }
  /// The same shape with another extent in one dimension.
  constexpr Shape with(int dimension, std::int64_t extent) const {
    Shape s = *this;
    require(dimension >= 0 && dimension < rank_, Fault::bug,
            "a shape of rank {} has no dimension {}", rank_, dimension);
    s.extents_[static_cast<std::size_t>(dimension)] = extent;
    return s;
  }
  /// The product of the extents behind the first: elements of one row.
  constexpr std::int64_t row_count() const {
    require(rank_ >= 1, Fault::bug, "a scalar has no rows");
    std::int64_t n = 1;
    for (int i = 1; i < rank_; ++i) n *= extents_[static_cast<std::size_t>(i)];
    return n;
  }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, max_rank> extents_{};
  int rank_ = 0;
};

/// "(512, 128)"
std::string to_string(const Shape& shape);

}  // namespace mneme
