#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "comm/communicator.h"

namespace mneme {

/// What went wrong on a rank, held back until all ranks know of it.
struct Problem {
  Fault fault = Fault::bug;
  std::string message;
};

/// Runs `work`, and keeps what it throws: a rank that left alone would let the others wait for it
/// in their next collective for ever. Errors of the standard library count as the machine's.
std::optional<Problem> attempt(const std::function<void()>& work);

/// How the ranks of a world speak of what each found on its own. All functions are collective; they
/// throw only what a collective throws, which is on all ranks. Needs a few KiB beside the texts.
class Agreement {
 public:
  explicit Agreement(Communicator& world);

  /// Nothing if no rank has a problem. Else, on all ranks: the problem that all have, or that of
  /// the lowest rank that has one, with its number and how many others have one too.
  std::optional<Problem> on(const std::optional<Problem>& mine);

  /// Runs what each rank does on its own; a problem of one rank is thrown on all, as `on` words it.
  void together(const std::function<void()>& work);

  /// Whether any rank says so.
  bool any(bool mine);

  /// The text of every rank, in rank order.
  std::vector<std::string> gather(const std::string& mine);

  /// The text of rank 0.
  std::string from_first(const std::string& mine);

  Communicator& world() const { return *world_; }

 private:
  Communicator* world_;
  Arena scratch_;
  Exec ex_;
};

}  // namespace mneme
