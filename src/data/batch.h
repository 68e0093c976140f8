#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace mneme {

/// One rank's tokens of one micro-batch: `samples` rows of `sequence` tokens, T = samples *
/// sequence. Host memory. Token t belongs to sample t / sequence.
struct Batch {
  std::int64_t samples = 0;
  std::int64_t sequence = 0;                 // S
  std::vector<std::int32_t> inputs;          // (T)
  std::vector<std::int32_t> targets;         // (T) the token that follows; -1: ignored
  std::vector<std::int32_t> positions;       // (T) for rotary embedding
  std::vector<std::int32_t> document_start;  // (T) t may look at [document_start[t], t]
  std::int64_t target_count = 0;             // targets that are not ignored

  std::int64_t tokens() const { return samples * sequence; }
};

inline constexpr std::int32_t ignored_target = -1;

/// How samples become batches.
struct SampleRules {
  std::int64_t sequence = 0;  // S
  std::int32_t eos = 0;       // ends a document; also what fills a short sample
  bool document_mask = true;  // attention and positions stay inside the document
};

/// Appends one sample to `batch`. `tokens` are up to S + 1 tokens of a stream: input s is
/// tokens[s], its target tokens[s + 1]. Where the stream ends early, inputs are EOS and targets
/// ignored. With document_mask: positions restart at a document's and at the sample's start,
/// document_start is the document's first token inside the sample, and a target that would follow
/// EOS is ignored. Without: positions 0 .. S-1, document_start is the sample's first token, every
/// target counts.
void append_sample(const SampleRules& rules, std::span<const std::int32_t> tokens, Batch& batch);

}  // namespace mneme
