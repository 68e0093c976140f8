#include "data/validation_set.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace mneme {

ValidationSet::ValidationSet(std::string name,
                             const std::vector<std::filesystem::path>& files,
                             const ValidationOptions& options)
    : name_(std::move(name)), stream_(files), options_(options) {
  require(
      options.sequence > 0 && options.samples_per_batch > 0 && options.ranks > 0 &&
          options.rank >= 0 && options.rank < options.ranks && options.max_samples >= 0,
      Fault::user,
      "validation set '{}': sequence {}, {} samples per batch, rank {} of {}, at most {} samples",
      name_, options.sequence, options.samples_per_batch, options.rank, options.ranks,
      options.max_samples);
  samples_ = stream_.samples(options.sequence);
  if (options.max_samples > 0) samples_ = std::min(samples_, options.max_samples);
}

std::int64_t ValidationSet::batches() const {
  return ceil_div(samples_, options_.samples_per_batch * options_.ranks);
}

Batch ValidationSet::batch(std::int64_t index) const {
  const SampleRules rules{options_.sequence, stream_.info().eos, options_.document_mask};
  const std::int64_t share = options_.samples_per_batch;
  Batch batch;
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < share; ++i) {
    const std::int64_t sample = (index * options_.ranks + options_.rank) * share + i;
    const std::int64_t first = sample * options_.sequence;
    tokens.clear();
    if (sample < samples_) {
      tokens.resize(size_of(std::min(options_.sequence + 1, stream_.tokens() - first)));
      stream_.read(first, tokens);
    }
    append_sample(rules, tokens, batch);
  }
  return batch;
}

double ValidationSet::bytes_per_target() const {
  const std::int64_t targets =
      options_.document_mask ? stream_.tokens() - stream_.documents() : stream_.tokens() - 1;
  return static_cast<double>(stream_.text_bytes()) /
         static_cast<double>(std::max<std::int64_t>(targets, 1));
}

}  // namespace mneme
