#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mneme {

/// One line of `mneme doctor`.
struct Finding {
  enum class Verdict { ok, warning, problem };
  std::string topic;  // "memory"
  std::string found;
  Verdict verdict = Verdict::ok;
  std::string advice = {};  // what is wrong and what to do, unless all is well
};

/// "memory   7.8 GiB, 5.1 GiB free                     ok"
std::string to_line(const Finding& finding);

/// What a rank says of itself and its place.
struct RankFacts {
  std::string host;
  std::vector<int> allowed;  // logical processors
  int threads = 1;
  double quota = 0;            // processors; 0: no limit
  std::int64_t available = 0;  // bytes of the machine's memory
  std::string text() const;    // JSON
  static RankFacts from_text(const std::string& text);
};

// Judgements over all ranks, in rank order; they ask nobody.
Finding judge_launch(const std::vector<RankFacts>& ranks,
                     const std::string& library,
                     bool uses_mpi);
/// Whether every rank has processors for its threads, of the fullest machine.
Finding judge_processors(const std::vector<RankFacts>& ranks);
Finding judge_memory(const std::vector<RankFacts>& ranks, std::int64_t total);

}  // namespace mneme
