#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "study/member_state.h"
#include "study/study.h"
#include "train/run_summary.h"

namespace mneme {

/// What is known of one member after a sweep, from the files in its folder.
struct MemberResult {
  const Member* member = nullptr;
  MemberState state;
  std::string failure;  // empty: none
  std::optional<RunSummary> summary;
  std::optional<EvalResult> eval;
  std::string status() const;  // "finished", "failed: why", "at step 300 of 600", "not started"
};

/// Reads the folders of all members; `failures` per member. For one process.
std::vector<MemberResult> read_results(const Study& study,
                                       const std::vector<MemberState>& states,
                                       const std::vector<std::string>& failures);

/// For people: a line per member.
std::string to_table(const std::vector<MemberResult>& results);

/// For programs: RFC 4180, a header and a line per member, numbers in full, what is not known
/// empty. Columns: member, every varied key, ranks, threads, steps, tokens, parameters,
/// pool_parameters, pool_rows, matmul_flop_per_token, loss.SET and recall.EXPOSURES of all members,
/// wall_seconds, tokens_per_second, peak_bytes, rows_in_use, effective_rows, status.
std::string to_csv(const Study& study, const std::vector<MemberResult>& results);

/// What a sweep would do: members, how far each is, and what it would take.
std::string to_plan_table(const Study& study, const std::vector<MemberState>& states);

}  // namespace mneme
