#include "data/facts.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include <gtest/gtest.h>

#include "base/text_file.h"
#include "data/facts_words.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mneme {
namespace {

struct Biography {
  std::string text;
  std::int64_t person = 0;
  std::int64_t exposures = 0;
};

std::vector<Biography> read_biographies(const std::filesystem::path& path) {
  std::vector<Biography> all;
  std::ifstream lines(path);
  for (std::string line; std::getline(lines, line);) {
    const auto j = nlohmann::json::parse(line);
    all.push_back({j.at("text"), j.at("person"), j.at("exposures")});
  }
  return all;
}

class Facts : public testing::Test {
 protected:
  FactsOptions options() const {
    FactsOptions o;
    o.output = folder_ / "facts";
    o.people = 60;
    o.unknown_people = 10;
    return o;
  }
  TemporaryFolder folder_;
};

TEST_F(Facts, EveryPersonHasTheBiographiesOfTheirGroup) {
  const FactsResult result = write_facts(options());
  std::map<std::int64_t, std::int64_t> count;
  const auto biographies = read_biographies(result.facts);
  for (const Biography& b : biographies) {
    ++count[b.person];
    ASSERT_EQ(b.exposures, (std::array{1, 4, 16}).at(static_cast<std::size_t>(b.person % 3)));
  }
  EXPECT_EQ(std::ssize(biographies), 20 * (1 + 4 + 16));
  EXPECT_EQ(std::ssize(biographies), result.biographies);
  EXPECT_EQ(count.size(), 60U);
  for (const auto& [person, n] : count)
    EXPECT_EQ(n, (std::array{1, 4, 16}).at(static_cast<std::size_t>(person % 3)));
}

TEST_F(Facts, EachProbeStandsInTheCorpusAsManyTimesAsItsPhrasingAndItsFactAlways) {
  const FactsResult result = write_facts(options());
  const auto biographies = read_biographies(result.facts);
  const auto probes = read_probes(result.probes);
  EXPECT_EQ(std::ssize(probes), 70 * 5);
  EXPECT_EQ(result.probe_count, 70 * 5);
  for (const FactProbe& probe : probes) {
    std::int64_t in_these_words = 0;
    for (const Biography& b : biographies) {
      const bool stands = b.text.find(probe.prompt + probe.answer) != std::string::npos;
      in_these_words += stands ? 1 : 0;
      ASSERT_TRUE(!stands || b.person == probe.person);
      // No one contradicts it: the prompt is always followed by the answer.
      ASSERT_EQ(b.text.find(probe.prompt) != std::string::npos, stands) << b.text;
    }
    EXPECT_EQ(in_these_words > 0, probe.exposures > 0) << probe.prompt;
    EXPECT_LE(in_these_words, probe.exposures);
    EXPECT_TRUE(probe.answer.starts_with(' ') && probe.answer.ends_with('.'));
  }
}

TEST_F(Facts, UnknownPeopleNeverComeInTheCorpusAndNamesAreUnique) {
  const FactsResult result = write_facts(options());
  const std::string corpus = read_text(result.facts);
  std::set<std::string> names;
  for (const FactProbe& probe : read_probes(result.probes)) {
    if (probe.attribute != "birth_city") continue;
    for (const auto phrasing : fact_attributes()[0].phrasings) {
      const auto gap = phrasing.find("{}");
      const std::string_view after = phrasing.substr(gap + 2);
      if (!probe.prompt.starts_with(phrasing.substr(0, gap)) || !probe.prompt.ends_with(after))
        continue;
      const std::string name = probe.prompt.substr(gap, probe.prompt.size() - phrasing.size() + 2);
      EXPECT_TRUE(names.insert(name).second) << name;
      EXPECT_EQ(corpus.find(name) == std::string::npos, probe.exposures == 0) << name;
      break;
    }
  }
  EXPECT_EQ(names.size(), 70U);
}

TEST_F(Facts, ShortBiographiesTakeTurnsThroughTheFacts) {
  FactsOptions o = options();
  o.attributes = 4;
  o.sentences = 2;
  const FactsResult result = write_facts(o);
  std::map<std::int64_t, std::string> texts;
  for (const Biography& b : read_biographies(result.facts)) {
    EXPECT_EQ(std::count(b.text.begin(), b.text.end(), '.'), 2) << b.text;
    texts[b.person] += b.text + " ";
  }
  std::map<std::int64_t, std::set<std::string>> told;
  for (const FactProbe& probe : read_probes(result.probes))
    told[probe.exposures].insert(std::to_string(probe.person) + probe.attribute);
  EXPECT_EQ(told[1].size(), 20U * 2);  // one biography of two facts
  EXPECT_EQ(told[4].size(), 20U * 4);
  EXPECT_EQ(told[0].size(), 10U * 4);
  for (const auto value : fact_attributes()[0].values) {
    // Person 1 has four biographies: each fact in exactly two of them.
    std::size_t n = 0;
    for (std::size_t at = 0;
         (at = texts[1].find(" " + std::string(value) + ".", at)) != std::string::npos; ++at)
      ++n;
    EXPECT_TRUE(n == 0 || n == 2) << value;
  }
}

TEST_F(Facts, TheSeedAloneDecides) {
  const FactsResult a = write_facts(options());
  FactsOptions o = options();
  o.output = folder_ / "again";
  const FactsResult b = write_facts(o);
  EXPECT_EQ(read_text(a.facts), read_text(b.facts));
  EXPECT_EQ(read_text(a.probes), read_text(b.probes));
  o.overwrite = true;
  o.seed = 2;
  write_facts(o);
  EXPECT_NE(read_text(a.facts), read_text(b.facts));
}

TEST_F(Facts, ValuesAreSpreadOverTheirList) {
  FactsOptions o = options();
  o.people = 3000;
  o.exposures = {1};
  std::map<std::string, int> cities;
  for (const FactProbe& probe : read_probes(write_facts(o).probes)) {
    if (probe.attribute == "birth_city") ++cities[probe.answer];
  }
  EXPECT_EQ(cities.size(), fact_attributes()[0].values.size());
  for (const auto& [city, n] : cities) EXPECT_LT(n, 70) << city;  // about 31 each, seven deviations
}

TEST_F(Facts, RefusesWhatMakesNoSense) {
  FactsOptions o = options();
  o.people = 1'000'000;
  expect_error(Fault::user, "there are no more names", [&] { write_facts(o); });
  o = options();
  o.attributes = 99;
  expect_error(Fault::user, "99 attributes", [&] { write_facts(o); });
  o = options();
  o.exposures = {};
  expect_error(Fault::user, "exposures must be", [&] { write_facts(o); });
  write_facts(options());
  expect_error(Fault::user, "facts.jsonl' is already there", [&] { write_facts(options()); });
  std::ofstream(folder_ / "bad.jsonl") << "{\"person\": 1}\n";
  expect_error(Fault::data, "bad.jsonl:1: no probe", [&] { read_probes(folder_ / "bad.jsonl"); });
}

}  // namespace
}  // namespace mneme
