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
  const std::int64_t all = stream_.samples(options.sequence);
  samples_ = options.max_samples > 0 ? std::min(all, options.max_samples) : all;
  bytes_per_target_ = samples_ == all ? bytes_per_target_of_all() : bytes_per_target_of_part();
}

SampleRules ValidationSet::rules() const {
  return {options_.sequence, stream_.info().eos, options_.document_mask};
}

std::int64_t ValidationSet::batches() const {
  return ceil_div(samples_, options_.samples_per_batch * options_.ranks);
}

Batch ValidationSet::batch(std::int64_t index) const {
  const std::int64_t share = options_.samples_per_batch;
  Batch batch;
  for (std::int64_t i = 0; i < share; ++i) {
    const std::int64_t sample = (index * options_.ranks + options_.rank) * share + i;
    append_sample(rules(), read_sample(sample), batch);
  }
  return batch;
}

std::vector<std::int32_t> ValidationSet::read_sample(std::int64_t sample) const {
  if (sample >= samples_) return {};
  const std::int64_t first = sample * options_.sequence;
  std::vector<std::int32_t> tokens(
      size_of(std::min(options_.sequence + 1, stream_.tokens() - first)));
  stream_.read(first, tokens);
  return tokens;
}

double ValidationSet::bytes_per_target_of_all() const {
  const std::int64_t targets =
      options_.document_mask ? stream_.tokens() - stream_.documents() : stream_.tokens() - 1;
  return static_cast<double>(stream_.text_bytes()) /
         static_cast<double>(std::max<std::int64_t>(targets, 1));
}

double ValidationSet::bytes_per_target_of_part() const {
  const auto tokenizer = stream_.files().front().tokenizer();
  const auto text_bytes = [&](std::span<const std::int32_t> ids) {
    return std::ssize(tokenizer->decode(ids));
  };
  const std::int32_t eos = stream_.info().eos;
  std::int64_t bytes = 0;
  std::int64_t targets = 0;
  for (std::int64_t i = 0; i < samples_; ++i) {
    const std::vector<std::int32_t> tokens = read_sample(i);
    // Each document apart: a tokenizer may begin every text with a space that is not in it.
    for (auto begin = tokens.begin(); begin < tokens.end();) {
      const auto end = std::find(begin, tokens.end(), eos);
      bytes += text_bytes({begin, end});
      begin = end == tokens.end() ? end : end + 1;
    }
    if (i > 0) bytes -= text_bytes({tokens.begin(), 1});  // the sample before counts it
    Batch batch;                                          // for its count alone
    append_sample(rules(), tokens, batch);
    targets += batch.target_count;
  }
  return static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(targets, 1));
}

}  // namespace mneme
