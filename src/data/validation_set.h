#pragma once

#include <cstdint>
#include <string>

#include "data/batch.h"
#include "data/token_stream.h"

namespace mneme {

/// How a validation set is read.
struct ValidationOptions {
  std::int64_t sequence = 0;           // S
  std::int64_t samples_per_batch = 1;  // of each rank
  std::int64_t ranks = 1;
  std::int64_t rank = 0;
  std::int64_t max_samples = 0;  // 0: all
  bool document_mask = true;
};

/// The samples of some token files in order, each exactly once over all ranks. Every rank has the
/// same number of batches; where samples run out, batches are filled with ignored targets. Reading
/// moves no state.
class ValidationSet {
 public:
  ValidationSet(std::string name,
                const std::vector<std::filesystem::path>& files,
                const ValidationOptions& options);

  const std::string& name() const { return name_; }
  std::int64_t samples() const { return samples_; }
  /// Batches of each rank.
  std::int64_t batches() const;
  Batch batch(std::int64_t index) const;
  /// Bytes of text per target, to turn a loss in nats into bits per byte: loss / ln 2 / this. Of
  /// the samples that are read, where they are a part of the files.
  double bytes_per_target() const { return bytes_per_target_; }
  const TokenStream& stream() const { return stream_; }

 private:
  SampleRules rules() const;
  double bytes_per_target_of_all() const;
  double bytes_per_target_of_part() const;
  /// Up to S + 1 tokens; none behind the last sample.
  std::vector<std::int32_t> read_sample(std::int64_t sample) const;

  std::string name_;
  TokenStream stream_;
  ValidationOptions options_;
  std::int64_t samples_;
  double bytes_per_target_;
};

}  // namespace mneme
