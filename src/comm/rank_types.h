#pragma once

namespace mneme {

/// A rank among all ranks of the job.
struct WorldRank {
  int value = 0;
  friend bool operator==(const WorldRank&, const WorldRank&) = default;
};

/// A rank among those of the same machine: what picks cores and devices, never a WorldRank.
struct NodeRank {
  int value = 0;
  friend bool operator==(const NodeRank&, const NodeRank&) = default;
};

}  // namespace mneme
