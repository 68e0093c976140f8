#include "data/sample_order.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/check.h"
#include "base/hash.h"
#include "data/permutation.h"

namespace mneme {
namespace {

std::vector<double> weights_of(const std::vector<TrainingSource>& sources) {
  std::vector<double> weights;
  for (const TrainingSource& s : sources) weights.push_back(s.weight);
  return weights;
}

nlohmann::ordered_json describe_files(const TokenStream& stream) {
  auto files = nlohmann::ordered_json::array();
  for (const TokenFile& file : stream.files()) {
    files.push_back({{"file", file.path().filename().string()},
                     {"tokens", file.tokens()},
                     {"documents", file.info().documents},
                     {"content_hash", hex(file.info().content_hash)}});
  }
  return files;
}

}  // namespace

SampleOrder::SampleOrder(const std::vector<TrainingSource>& sources,
                         std::int64_t sequence,
                         std::uint64_t seed)
    : sequence_(sequence), mixture_(weights_of(sources), seed) {
  require(sequence > 0, Fault::user, "sequence = {}, wanted at least 1 token", sequence);
  nlohmann::ordered_json all = {{"seed", seed}, {"sequence", sequence}};
  std::set<std::string> seen;
  for (const TrainingSource& source : sources) {
    require(
        seen.insert(source.name).second, Fault::user,
        "two data sources are named '{}'; the order of samples depends on the name, so names must "
        "differ",
        source.name);
    names_.push_back(source.name);
    streams_.emplace_back(source.files);
    random_.emplace_back(seed, "data/order/" + source.name);
    const TokenFileInfo& mine = streams_.back().info();
    require(mine.tokenizer_hash == info().tokenizer_hash, Fault::data,
            "source '{}' was made with tokenizer {} ({} tokens), source '{}' with {} ({} tokens): "
            "make them with one tokenizer",
            source.name, hex(mine.tokenizer_hash), mine.vocab_size, names_.front(),
            hex(info().tokenizer_hash), info().vocab_size);
    all["tokenizer_hash"] = hex(info().tokenizer_hash);
    all["sources"].push_back({{"name", source.name},
                              {"weight", source.weight},
                              {"files", describe_files(streams_.back())}});
  }
  fingerprint_ = all.dump();
}

SampleOrder::Place SampleOrder::at(std::int64_t g) const {
  const Mixture::Place place = mixture_.at(g);
  const std::int64_t n = stream(place.source).samples(sequence_);
  const std::int64_t epoch = place.position / n;
  const auto sample =
      permute(random_[size_of(place.source)], static_cast<std::uint64_t>(epoch),
              static_cast<std::uint64_t>(n), static_cast<std::uint64_t>(place.position % n));
  return {place.source, epoch, static_cast<std::int64_t>(sample)};
}

void SampleOrder::read(std::int64_t g, std::vector<std::int32_t>& tokens) const {
  const Place place = at(g);
  const TokenStream& from = stream(place.source);
  const std::int64_t first = place.sample * sequence_;
  tokens.resize(size_of(std::min(sequence_ + 1, from.tokens() - first)));
  from.read(first, tokens);
}

}  // namespace mneme
