#include "generate/decoder.h"

#include <algorithm>
#include <array>

#include "base/scope.h"

namespace mneme {
namespace {

constexpr std::int64_t prefill_tokens = 256;  // fed at a time

std::vector<Attention::Cache> make_caches(const Transformer& model,
                                          const Decoder::Options& o,
                                          Arena& arena) {
  const AttentionShape shape = model.attention_shape();
  std::vector<Attention::Cache> caches;
  for (std::int64_t b = 0; b < model.config().blocks; ++b) {
    // One sequence more than the batch: where padding goes.
    const Shape all{o.batch + 1, o.capacity, shape.kv_heads, shape.head_width};
    const View keys = arena.take(DType::f32, all, "cache.keys");
    caches.push_back({keys, arena.take(DType::f32, all, "cache.values")});
  }
  return caches;
}

std::size_t cache_bytes(const Transformer& model, const Decoder::Options& o) {
  Arena arena = Arena::measuring("cache");
  make_caches(model, o, arena);
  return arena.peak();
}

}  // namespace

/// New tokens of several sequences, in the order in which they are fed.
struct Decoder::Tokens {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> cache_of;
  std::vector<std::int32_t> length;

  void add(std::int32_t id, std::int64_t position, std::int64_t cache) {
    ids.push_back(id);
    positions.push_back(narrow<std::int32_t>(position));
    cache_of.push_back(narrow<std::int32_t>(cache));
    length.push_back(narrow<std::int32_t>(position + 1));
  }
  std::int64_t count() const { return std::ssize(ids); }
};

Decoder::Decoder(Engine& engine, const Options& options)
    : engine_(&engine),
      options_(options),
      cache_arena_("cache", cache_bytes(engine.model(), options), cpu_device),
      caches_(make_caches(engine.model(), options, cache_arena_)),
      logits_(size_of(options.batch * engine.model().config().vocabulary)) {}

void Decoder::measure(Engine& engine, const Options& o) {
  Arena arena = Arena::measuring("cache");
  const auto caches = make_caches(engine.model(), o, arena);
  for (const auto& [n, has_logits] : {std::pair{prefill_tokens, false}, {o.batch, true}}) {
    const View ids(nullptr, DType::i32, {n}, cpu_device);
    const View out(nullptr, DType::f32, {n, engine.model().config().vocabulary}, cpu_device);
    engine.model().logits_cached(engine.exec(), engine.params(),
                                 {.positions = ids, .cache_of = ids, .length = ids}, ids,
                                 has_logits ? out : View(), caches);
  }
}

std::int64_t Decoder::agree_most(std::int64_t mine) {
  std::array<std::int64_t, 1> n{mine};
  engine_->mesh()
      .world()
      .all_reduce(view_of(std::span<std::int64_t>(n), {1}), Reduce::max, engine_->exec())
      .wait();
  return n[0];
}

/// Runs new tokens through the model, padded to as many as the busiest rank has; at most
/// prefill_tokens, with logits at most the batch.
void Decoder::feed(const Tokens& tokens, bool wants_logits) {
  Tokens padded = tokens;
  const std::int64_t n = agree_most(tokens.count());
  if (n == 0) return;
  while (padded.count() < n) padded.add(0, 0, options_.batch);
  const auto view = [&](const std::vector<std::int32_t>& v) {
    return view_of(std::span<const std::int32_t>(v), {n});
  };
  const std::int64_t vocabulary = engine_->model().config().vocabulary;
  const View out = wants_logits ? view_of(std::span<float>(logits_).first(size_of(n * vocabulary)),
                                          {n, vocabulary})
                                : View();
  engine_->model().logits_cached(engine_->exec(), engine_->params(),
                                 {.positions = view(padded.positions),
                                  .cache_of = view(padded.cache_of),
                                  .length = view(padded.length)},
                                 view(padded.ids), out, caches_);
}

/// All tokens of the prompts but the last.
void Decoder::prefill(std::span<const Request> requests) {
  Tokens all;
  for (std::size_t r = 0; r < requests.size(); ++r) {
    const auto& prompt = requests[r].prompt;
    require(!prompt.empty() && std::ssize(prompt) <= options_.capacity, Fault::user,
            "a prompt of {} tokens does not fit: wanted 1 to {}", prompt.size(), options_.capacity);
    for (std::size_t i = 0; i + 1 < prompt.size(); ++i) {
      all.add(prompt[i], static_cast<std::int64_t>(i), static_cast<std::int64_t>(r));
    }
  }
  const std::int64_t n = agree_most(all.count());
  for (std::int64_t t = 0; t < n; t += prefill_tokens) {
    Tokens part;
    for (std::int64_t i = t; i < std::min(all.count(), t + prefill_tokens); ++i) {
      const std::size_t at = size_of(i);
      part.add(all.ids[at], all.positions[at], all.cache_of[at]);
    }
    feed(part, /*wants_logits=*/false);
  }
}

std::vector<std::vector<std::int32_t>> Decoder::generate(std::span<const Request> requests,
                                                         std::int64_t most,
                                                         std::int32_t eos,
                                                         const Sampler& sampler,
                                                         const OnToken& on_token) {
  const Scope scope("generate");
  require(std::ssize(requests) <= options_.batch, Fault::bug, "{} requests for a batch of {}",
          requests.size(), options_.batch);
  prefill(requests);
  std::vector<std::vector<std::int32_t>> out(requests.size());
  std::vector<std::size_t> live(most > 0 ? requests.size() : 0);
  for (std::size_t r = 0; r < live.size(); ++r) live[r] = r;
  const auto vocabulary = size_of(engine_->model().config().vocabulary);
  while (agree_most(std::ssize(live)) > 0) {
    Tokens tokens;
    for (const std::size_t r : live) {
      const std::int64_t at = std::ssize(requests[r].prompt) + std::ssize(out[r]) - 1;
      tokens.add(out[r].empty() ? requests[r].prompt.back() : out[r].back(), at,
                 static_cast<std::int64_t>(r));
    }
    feed(tokens, /*wants_logits=*/true);
    std::vector<std::size_t> next;
    for (std::size_t i = 0; i < live.size(); ++i) {
      const std::size_t r = live[i];
      const std::span<const float> logits =
          std::span<const float>(logits_).subspan(i * vocabulary, vocabulary);
      const std::int64_t position = std::ssize(requests[r].prompt) + std::ssize(out[r]);
      const std::int32_t token = sampler.choose(logits, requests[r].sequence, position);
      out[r].push_back(token);
      const bool goes_on = on_token ? on_token(r, token) : true;
      if (goes_on && token != eos && std::ssize(out[r]) < most && position < options_.capacity)
        next.push_back(r);
    }
    live = std::move(next);
  }
  return out;
}

}  // namespace mneme
