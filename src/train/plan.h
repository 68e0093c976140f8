#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "train/engine.h"

namespace mneme {

/// What a run will need, found by running its step on measuring arenas: nothing is allocated and no
/// data is read.
struct Plan {
  struct ArenaLine {
    std::string name;
    std::int64_t bytes = 0;
    std::vector<std::pair<std::string, std::int64_t>> labels;  // at the peak, largest first
  };
  std::int64_t ranks = 1;
  std::int64_t memory_ranks = 1;
  std::int64_t parameters = 0;       // of the whole model
  std::int64_t pool_parameters = 0;  // of them, in pools
  std::vector<ArenaLine> arenas;     // of one rank
  double flop_per_token = 0;  // matrix multiplications, forward (also what is recomputed), backward
  double pool_bytes_per_token = 0;    // pool rows read, forward and backward
  double wire_bytes = 0;              // sent by one rank in one step
  std::int64_t checkpoint_bytes = 0;  // of the whole job
  std::int64_t bytes() const;         // of all arenas of one rank
};

/// The plan of the last rank on the mesh of `config` over `ranks` ranks: where columns do not
/// divide, it has one more than the first. config.model.vocabulary must be set.
Plan make_plan(const RunConfig& config, int ranks);
/// Runs the largest step and evaluation of an engine on measuring arenas. The arenas' peaks are
/// then what a real engine needs, to the byte.
Plan measure_plan(Engine& engine);
/// A table for people.
std::string to_table(const Plan& plan, const RunConfig& config);
/// Several plans, by the names of their runs, as one table: a line each.
std::string to_table(const std::vector<std::pair<std::string, Plan>>& plans);

}  // namespace mneme
