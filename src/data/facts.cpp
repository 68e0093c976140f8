#include "data/facts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "base/check.h"
#include "base/math.h"
#include "base/philox.h"
#include "base/text_file.h"
#include "data/facts_words.h"
#include "data/output_file.h"
#include "data/permutation.h"

namespace mneme {
namespace {

using Json = nlohmann::ordered_json;

std::uint64_t u64(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

void check_options(const FactsOptions& o) {
  const std::int64_t names = std::ssize(first_names()) * std::ssize(last_names());
  require(!o.output.empty(), Fault::user,
          "no output: name the folder for facts.jsonl and probes.jsonl");
  require(o.people > 0 && o.unknown_people >= 0 && o.people + o.unknown_people <= names,
          Fault::user,
          "{} people and {} unknown ones, wanted 1 to {} in all: there are no more names", o.people,
          o.unknown_people, names);
  const std::int64_t known = std::ssize(fact_attributes());
  require(o.attributes > 0 && o.attributes <= known, Fault::user, "{} attributes, wanted 1 to {}",
          o.attributes, known);
  require(o.sentences >= 0 && o.sentences <= o.attributes, Fault::user,
          "{} sentences per biography, wanted 0 (all) to {}", o.sentences, o.attributes);
  require(!o.exposures.empty() && *std::min_element(o.exposures.begin(), o.exposures.end()) > 0,
          Fault::user, "exposures must be one or more numbers of at least 1");
}

/// Everything there is to say about the people of one seed.
class People {
 public:
  explicit People(const FactsOptions& o)
      : options_(o),
        names_(o.seed, "facts/names"),
        values_(o.seed, "facts/values"),
        turns_(o.seed, "facts/turns"),
        order_(o.seed, "facts/order"),
        phrasings_(o.seed, "facts/phrasings") {}

  std::string name(std::int64_t person) const {
    const auto n = first_names().size() * last_names().size();
    const std::uint64_t at = permute(names_, 0, n, u64(person));
    return fmt::format("{} {}", first_names()[at % first_names().size()],
                       last_names()[at / first_names().size()]);
  }
  std::string_view value(std::int64_t person, std::int64_t attribute) const {
    const auto values = fact_attributes()[size_of(attribute)].values;
    return values[values_.word(u64(person), u64(attribute)) % values.size()];
  }
  std::int64_t exposures(std::int64_t person) const {
    if (person >= options_.people) return 0;
    return options_.exposures[size_of(person % std::ssize(options_.exposures))];
  }
  std::int64_t sentences() const {
    return options_.sentences == 0 ? options_.attributes : options_.sentences;
  }

  /// The facts of biography `number` of a person, in the order they are told: the next so many of
  /// the person's endless round of facts, shuffled.
  std::vector<std::int64_t> told(std::int64_t person, std::int64_t number) const {
    std::vector<std::int64_t> facts;
    for (std::int64_t i = 0; i < sentences(); ++i) {
      const auto shuffled =
          permute(order_, u64(person) << 24U | u64(number), u64(sentences()), u64(i));
      const std::int64_t place = number * sentences() + static_cast<std::int64_t>(shuffled);
      facts.push_back(static_cast<std::int64_t>(permute(
          turns_, u64(person), u64(options_.attributes), u64(place % options_.attributes))));
    }
    return facts;
  }

  std::string prompt(std::int64_t person, std::int64_t number, std::int64_t attribute) const {
    const auto phrasings = fact_attributes()[size_of(attribute)].phrasings;
    const std::uint64_t element = u64(number * options_.attributes + attribute);
    const auto phrasing = phrasings[phrasings_.word(u64(person), element) % phrasings.size()];
    return fmt::format(fmt::runtime(phrasing), name(person));
  }
  std::string answer(std::int64_t person, std::int64_t attribute) const {
    return fmt::format(" {}.", value(person, attribute));
  }

  std::string biography(std::int64_t person, std::int64_t number) const {
    std::string text;
    for (const std::int64_t attribute : told(person, number)) {
      if (!text.empty()) text += ' ';
      text += prompt(person, number, attribute) + answer(person, attribute);
    }
    return text;
  }

  /// The probe of a fact, put as in the first biography that tells it; none when no one does.
  std::optional<FactProbe> probe(std::int64_t person, std::int64_t attribute) const {
    const std::int64_t count = exposures(person);
    std::int64_t number = 0;
    if (count > 0) {
      for (; number < count; ++number) {
        const auto facts = told(person, number);
        if (std::find(facts.begin(), facts.end(), attribute) != facts.end()) break;
      }
      if (number == count) return std::nullopt;
    }
    return FactProbe{person, count, std::string(fact_attributes()[size_of(attribute)].name),
                     prompt(person, number, attribute), answer(person, attribute)};
  }

 private:
  const FactsOptions& options_;
  Philox names_;
  Philox values_;
  Philox turns_;
  Philox order_;
  Philox phrasings_;
};

void append_line(OutputFile& file, const Json& json) {
  const std::string line = json.dump() + "\n";
  file.append(std::as_bytes(std::span(line)));
}

void write_biographies(const FactsOptions& o,
                       const People& people,
                       const std::filesystem::path& path,
                       FactsResult& result) {
  std::vector<std::int64_t> first = {0};  // number of the first biography of each person
  for (std::int64_t p = 0; p < o.people; ++p) first.push_back(first.back() + people.exposures(p));
  result.biographies = first.back();
  const Philox shuffle(o.seed, "facts/shuffle");
  OutputFile file(path, OutputFile::Open::fresh);
  for (std::int64_t i = 0; i < result.biographies; ++i) {
    const auto at = static_cast<std::int64_t>(permute(shuffle, 0, u64(result.biographies), u64(i)));
    const auto after = std::upper_bound(first.begin(), first.end(), at);
    const std::int64_t person = after - first.begin() - 1;
    const std::string text = people.biography(person, at - *(after - 1));
    append_line(file,
                {{"text", text}, {"person", person}, {"exposures", people.exposures(person)}});
    result.text_bytes += std::ssize(text);
  }
  file.sync();
}

void write_probes(const FactsOptions& o,
                  const People& people,
                  const std::filesystem::path& path,
                  FactsResult& result) {
  OutputFile file(path, OutputFile::Open::fresh);
  for (std::int64_t person = 0; person < o.people + o.unknown_people; ++person) {
    for (std::int64_t attribute = 0; attribute < o.attributes; ++attribute) {
      const auto probe = people.probe(person, attribute);
      if (!probe) continue;
      append_line(file, {{"person", probe->person},
                         {"exposures", probe->exposures},
                         {"attribute", probe->attribute},
                         {"prompt", probe->prompt},
                         {"answer", probe->answer}});
      ++result.probe_count;
    }
  }
  file.sync();
}

}  // namespace

FactsResult write_facts(const FactsOptions& options) {
  check_options(options);
  FactsResult result;
  result.facts = options.output / "facts.jsonl";
  result.probes = options.output / "probes.jsonl";
  for (const auto& path : {result.facts, result.probes}) {
    require(options.overwrite || !std::filesystem::exists(path), Fault::user,
            "'{}' is already there; name another folder, or replace it: --overwrite",
            path.string());
  }
  std::error_code error;
  std::filesystem::create_directories(options.output, error);
  require(!error, Fault::machine, "the folder '{}' cannot be made: {}", options.output.string(),
          error.message());
  const People people(options);
  const auto facts = options.output / "facts.jsonl.partial";
  const auto probes = options.output / "probes.jsonl.partial";
  write_biographies(options, people, facts, result);
  write_probes(options, people, probes, result);
  commit_file(facts, result.facts);
  commit_file(probes, result.probes);
  return result;
}

std::vector<FactProbe> read_probes(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  std::vector<FactProbe> probes;
  std::size_t at = 0;
  for (std::int64_t line = 1; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    try {
      const Json j = Json::parse(text.substr(at, end - at));
      probes.push_back(
          {j.at("person"), j.at("exposures"), j.at("attribute"), j.at("prompt"), j.at("answer")});
    } catch (const nlohmann::json::exception& e) {
      fail(Fault::data, "{}:{}: no probe ({}); make probes with `mneme prep facts`", path.string(),
           line, std::string(e.what()));
    }
    at = end + 1;
  }
  return probes;
}

}  // namespace mneme
