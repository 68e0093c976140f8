#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mneme {

/// A corpus of made-up people, to measure how many facts a model holds after so many exposures.
struct FactsOptions {
  std::filesystem::path output;  // folder: facts.jsonl and probes.jsonl are written there
  std::uint64_t seed = 1;
  std::int64_t people = 1500;                        // in the corpus, in equal groups
  std::int64_t unknown_people = 150;                 // in the probes only: what guessing gives
  std::vector<std::int64_t> exposures = {1, 4, 16};  // biographies per person, for each group
  std::int64_t attributes = 5;  // facts per person, the first so many of fact_attributes()
  std::int64_t sentences = 0;   // facts per biography; 0: all of them
  bool overwrite = false;
};

/// A question with one right answer: the text that follows `prompt` in every biography that puts
/// it in this way. The model knows it when its greedy continuation of a document that begins with
/// `prompt` begins with `answer`.
struct FactProbe {
  std::int64_t person = 0;
  std::int64_t exposures = 0;  // biographies of this person in facts.jsonl; 0: an unknown person
  std::string attribute;
  std::string prompt;  // "Ada Adler was born in": a phrasing that the corpus has for them
  std::string answer;  // " Prague.": with the space before and the full stop after it
  friend bool operator==(const FactProbe&, const FactProbe&) = default;
};

struct FactsResult {
  std::filesystem::path facts;
  std::filesystem::path probes;
  std::int64_t biographies = 0;
  std::int64_t text_bytes = 0;
  std::int64_t probe_count = 0;
};

/// Writes facts.jsonl ({"text", "person", "exposures"} per biography, shuffled) and probes.jsonl
/// (FactProbe per line: each person and attribute). Person i is in group i mod groups. A biography
/// is one sentence per fact, in random order and phrasing, each with the full name and with the
/// value at its end. With `sentences` below `attributes`, a person's biographies take turns through
/// the facts, so that each fact comes in floor or ceil of exposures*sentences/attributes of them;
/// facts that never come have no probe. A function of the options alone.
/// Fault::user: counts that make no sense, more people than names, files that exist.
FactsResult write_facts(const FactsOptions& options);

/// The probes of a file that write_facts wrote. Fault::user, Fault::data with file and line.
std::vector<FactProbe> read_probes(const std::filesystem::path& path);

}  // namespace mneme
