#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/philox.h"
#include "data/mixture.h"
#include "data/token_stream.h"

namespace mneme {

/// A named, weighted stream of training tokens. Weights are relative: the share of samples, and so
/// of tokens.
struct TrainingSource {
  std::string name;
  double weight = 1;
  std::vector<std::filesystem::path> files;
};

/// The one global order of a run's samples: sample g is a function of (sources, weights, S, seed)
/// and g alone. Each source is read in passes ("epochs") over all of its samples; the order of
/// source s in epoch e is a Feistel permutation keyed by (seed, s's name, e). No array of indices
/// is held. Constant after construction: any number of threads may read.
class SampleOrder {
 public:
  /// Opens all files. Fault::user, Fault::data as TokenStream; names must differ.
  SampleOrder(const std::vector<TrainingSource>& sources,
              std::int64_t sequence,
              std::uint64_t seed);

  struct Place {
    std::int64_t source = 0;
    std::int64_t epoch = 0;
    std::int64_t sample = 0;  // of the source's stream
  };
  Place at(std::int64_t g) const;
  /// The up to S + 1 tokens of sample g; fewer at the end of a stream.
  void read(std::int64_t g, std::vector<std::int32_t>& tokens) const;

  std::int64_t sequence() const { return sequence_; }
  std::int64_t sources() const { return std::ssize(streams_); }
  const std::string& name(std::int64_t source) const {
    return names_[static_cast<std::size_t>(source)];
  }
  const TokenStream& stream(std::int64_t source) const {
    return streams_[static_cast<std::size_t>(source)];
  }
  /// Tokenizer, vocabulary and EOS of all sources.
  const TokenFileInfo& info() const { return streams_.front().info(); }
  /// JSON: everything that the order and the tokens are made of.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  std::int64_t sequence_;
  std::vector<std::string> names_;
  std::vector<TokenStream> streams_;
  std::vector<Philox> random_;  // per source
  Mixture mixture_;
  std::string fingerprint_;
};

}  // namespace mneme
