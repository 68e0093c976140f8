#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "generate/sampler.h"
#include "train/engine.h"

namespace mneme {

/// Continues sequences of uneven length with a key/value cache. All ranks of the mesh decode in
/// step, each its own sequences: a rank with less to do sends along padding.
class Decoder {
 public:
  struct Options {
    std::int64_t batch = 8;       // sequences at a time
    std::int64_t capacity = 512;  // tokens of a sequence, prompt and continuation
  };
  Decoder(Engine& engine, const Options& options);
  /// What decoding asks of an engine: to be run on its measuring twin.
  static void measure(Engine& engine, const Options& options);

  struct Request {
    std::vector<std::int32_t> prompt;  // at least one token
    std::int64_t sequence = 0;         // number of the sequence, for the random draw
  };
  /// A token of request `index` was chosen; returning false ends that sequence.
  using OnToken = std::function<bool(std::size_t index, std::int32_t token)>;
  /// Continues up to `batch` requests by at most `most` tokens each; a sequence ends with EOS, when
  /// `on_token` says so, or when its cache is full. Collective, with any number of requests per
  /// rank. Fault::user for a prompt that does not fit the cache.
  std::vector<std::vector<std::int32_t>> generate(std::span<const Request> requests,
                                                  std::int64_t most,
                                                  std::int32_t eos,
                                                  const Sampler& sampler,
                                                  const OnToken& on_token = {});

 private:
  struct Tokens;
  std::int64_t agree_most(std::int64_t mine);
  void feed(const Tokens& tokens, bool wants_logits);
  void prefill(std::span<const Request> requests);

  Engine* engine_;
  Options options_;
  Arena cache_arena_;
  std::vector<Attention::Cache> caches_;
  std::vector<float> logits_;  // (batch, V)
};

}  // namespace mneme
