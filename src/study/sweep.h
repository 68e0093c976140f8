#pragma once

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "study/member_state.h"
#include "study/study.h"
#include "train/stop_signals.h"

namespace mneme {

struct SweepOptions {
  int threads = 1;  // per rank, where a member's config does not say
  StopSignals* signals = nullptr;
  double matmul_peak = 0;  // FLOP/s of a large matrix product, a rank's share; 0: not measured
};

/// What became of the members that this sweep had to do with.
struct SweepResult {
  std::vector<std::string> failures;  // per member, empty: none
  int status = 0;                     // exit status: 0, 75, or the first failure's
};

/// Trains what is not finished and evaluates what is not evaluated, each member on study.ranks
/// ranks, as many side by side as `world` has room for; a member that was interrupted goes on from
/// its checkpoint. The user's mistake ends its member alone. A signal ends all of them, saved: 75.
/// Who runs what follows from the plans and states alone. Fault::user when the ranks do not divide.
/// Collective.
SweepResult run_sweep(const Study& study,
                      const std::vector<MemberState>& states,
                      Communicator& world,
                      const SweepOptions& options);

}  // namespace mneme
