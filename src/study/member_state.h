#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "study/study.h"

namespace mneme {

/// How far a member is, as its folder tells.
struct MemberState {
  enum class Kind { absent, started, finished };
  Kind kind = Kind::absent;
  std::int64_t step = 0;      // of the newest checkpoint, or of the finished run
  bool is_evaluated = false;  // and eval.json is of that step and of the config's sets
};

/// Looks into the member's folder. For one process. Fault::user when a config that is saved there
/// differs from the member's in what changes the result, with the differences.
MemberState look_at(const Member& member);

/// The states of all members, or one error with all that differ. Rank 0 looks, so that all ranks
/// have the same answer. Collective.
std::vector<MemberState> look_at_all(const Study& study, Communicator& world);

/// "not started", "at step 300 of 600", "finished, 600 steps".
std::string to_text(const MemberState& state, const Member& member);

}  // namespace mneme
