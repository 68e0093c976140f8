#include "model/transformer.h"

#include <algorithm>
#include <cmath>

#include "kernels/embedding/embedding.h"
#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {
namespace {

ParamSpec table(const char* name, const ModelConfig& c) {
  const double std = 1.0 / std::sqrt(static_cast<double>(c.channels));
  return {.name = name,
          .shape = {c.vocabulary, c.channels},
          .init = TruncatedNormal{std, 3},
          .group = Group::embedding};
}

ParamId declare_head(const ParamScope& scope, const ModelConfig& c, ParamId embedding) {
  return c.tie_embeddings ? embedding : scope.declare(table("head.weight", c));
}

}  // namespace

Transformer::Transformer(const ParamScope& scope,
                         const ModelConfig& config,
                         std::int64_t step_tokens,
                         const Mesh& mesh)
    : config_(config),
      memory_(resolve_memory(config)),
      embedding_(scope.declare(table("embedding.weight", config))),
      norm_(scope.in("norm"), config.channels, static_cast<float>(config.norm_eps)),
      head_(declare_head(scope, config, embedding_),
            config.vocabulary,
            static_cast<float>(config.z_loss)) {
  require(config.vocabulary > 0, Fault::bug, "the model has no vocabulary");
  declare_blocks(scope, step_tokens, mesh);
}

AttentionShape Transformer::attention_shape() const {
  return {.channels = config_.channels,
          .heads = config_.heads,
          .kv_heads = config_.resolved_kv_heads(),
          .head_width = config_.resolved_head_width(),
          .rope_theta = config_.rope_theta};
}

/// Which pool the memory layer of this ordinal reads.
std::size_t Transformer::pool_of(std::size_t layer) const {
  switch (config_.memory.share) {
    case Share::all:
      return 0;
    case Share::none:
      return layer;
    case Share::block:
      return layer / size_of(config_.memory.share_block);
  }
  return 0;
}

std::vector<std::int64_t> Transformer::pool_of_layers() const {
  std::vector<std::int64_t> pools;
  for (std::size_t l = 0; l < memory_.layers.size(); ++l)
    pools.push_back(static_cast<std::int64_t>(pool_of(l)));
  return pools;
}

std::vector<ValuePool> Transformer::declare_pools(const ParamScope& scope,
                                                  std::int64_t step_tokens,
                                                  const Mesh& mesh) {
  std::vector<ValuePool> pools;
  const std::size_t layers = memory_.layers.size();
  for (std::size_t first = 0; first < layers;) {
    std::size_t last = first;
    while (last < layers && pool_of(last) == pool_of(first)) ++last;
    const auto readers = static_cast<std::int64_t>(last - first);
    const ParamScope named = config_.memory.share == Share::all
                                 ? scope.in("pool")
                                 : scope.in("pools", static_cast<std::int64_t>(pools.size()));
    pools.emplace_back(
        named,
        ValuePool::Options{
            .rows = memory_.rows(),
            .width = memory_.value_width,
            .touched_rows = std::min(memory_.rows(), step_tokens * memory_.reads() * readers),
            .type = memory_.pool_type,
            .exchange = memory_.exchange},
        mesh.memory());
    pools_.push_back(pools.back().values());
    first = last;
  }
  return pools;
}

void Transformer::declare_blocks(const ParamScope& scope,
                                 std::int64_t step_tokens,
                                 const Mesh& mesh) {
  const std::vector<ValuePool> pools = declare_pools(scope, step_tokens, mesh);
  std::optional<KeySet> shared;
  if (config_.memory.share_keys == ShareKeys::all && !memory_.layers.empty()) {
    shared.emplace(scope.in("memory_keys"), memory_);
  }
  std::size_t ordinal = 0;
  for (std::int64_t b = 0; b < config_.blocks; ++b) {
    const ParamScope inside = scope.in("layers", b);
    const auto& layers = memory_.layers;
    const bool has_memory = std::find(layers.begin(), layers.end(), b) != layers.end();
    const bool has_ffn = !has_memory || memory_.placement == MemoryPlacement::beside;
    Block& block = blocks_.emplace_back(
        inside, Block::Options{.channels = config_.channels,
                               .norm_eps = static_cast<float>(config_.norm_eps),
                               .attention = attention_shape(),
                               .ffn_hidden = config_.resolved_ffn_hidden(),
                               .has_ffn = has_ffn});
    if (!has_memory) continue;
    const ParamScope m = inside.in("memory");
    const KeySet keys = shared ? *shared : KeySet(m, memory_);
    block.set_memory(MemoryLayer(m, memory_, pools[pool_of(ordinal)], keys, mesh.world(),
                                 static_cast<std::int64_t>(ordinal)));
    ++ordinal;
  }
}

/// Loss of the last hidden states h (T, C) and its gradient dh, overwritten.
void Transformer::head_backward(
    Exec& ex, ParamSet& ps, const Train& a, ConstView h, View dh) const {
  const auto mark = ex.scratch.mark();
  const View normed = ex.scratch.take(DType::f32, h.shape(), "head.normed");
  const View rstd = ex.scratch.take(DType::f32, {h.extent(0)}, "head.rstd");
  const View dnormed = ex.scratch.take(DType::f32, h.shape(), "head.dnormed");
  norm_.forward(ex, ps, h, normed, rstd);
  head_.loss(
      ex, ps,
      {.x = normed, .targets = a.batch.targets, .loss = a.loss, .scale = a.scale, .dx = dnormed});
  norm_.backward(ex, ps, dnormed, h, rstd, dh, /*accumulate=*/false);
}

void Transformer::train(Exec& ex, ParamSet& ps, const Train& a, Arena& keep) const {
  const auto everything = keep.mark();
  const TokenBatch& in = a.batch;
  const std::int64_t tokens = in.tokens.extent(0);
  const Shape shape{tokens, config_.channels};
  Pass pass{.positions = in.positions, .first = in.first, .mode = Mode::train, .use = a.use};
  const bool recompute = config_.recompute == Recompute::block;

  View h = keep.take(DType::f32, shape, "block.h");
  embedding_forward(ex, {.table = ps[embedding_].weight, .tokens = in.tokens, .out = h});
  std::vector<Block::Saved> saved(blocks_.size());
  std::vector<Arena::Position> before(blocks_.size());
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const Scope scope("layers", static_cast<std::int64_t>(b));
    before[b] = keep.position();
    const View next = keep.take(DType::f32, shape, "block.h");
    if (recompute) {
      const auto mark = ex.scratch.mark();
      blocks_[b].forward(ex, ps, pass, h, next, ex.scratch);
      saved[b].h_in = h;
    } else {
      saved[b] = blocks_[b].forward(ex, ps, pass, h, next, keep);
    }
    h = next;
  }

  const auto mark = ex.scratch.mark();
  const View dh = ex.scratch.take(DType::f32, shape, "block.dh");
  head_backward(ex, ps, a, h, dh);
  pass.mode = Mode::recompute;
  for (std::size_t b = blocks_.size(); b-- > 0;) {
    const Scope scope("layers", static_cast<std::int64_t>(b));
    const auto inner = ex.scratch.mark();
    if (recompute) {
      const View again = ex.scratch.take(DType::f32, shape, "block.h");
      saved[b] = blocks_[b].forward(ex, ps, pass, saved[b].h_in, again, ex.scratch);
    }
    blocks_[b].backward(ex, ps, pass, saved[b], dh);
    keep.release_to(before[b]);
  }
  embedding_backward(ex, {.dout = dh, .tokens = in.tokens, .dtable = ps[embedding_].grad});
}

void Transformer::hidden(Exec& ex, ParamSet& ps, const TokenBatch& in, View out) const {
  const auto mark = ex.scratch.mark();
  const Pass pass{.positions = in.positions, .first = in.first, .mode = Mode::evaluate};
  View h = ex.scratch.take(DType::f32, out.shape(), "block.h");
  View next = ex.scratch.take(DType::f32, out.shape(), "block.h");
  const View rstd = ex.scratch.take(DType::f32, {out.extent(0)}, "head.rstd");
  embedding_forward(ex, {.table = ps[embedding_].weight, .tokens = in.tokens, .out = h});
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const Scope scope("layers", static_cast<std::int64_t>(b));
    const auto inner = ex.scratch.mark();
    blocks_[b].forward(ex, ps, pass, h, next, ex.scratch);
    std::swap(h, next);
  }
  norm_.forward(ex, ps, h, out, rstd);
}

void Transformer::evaluate(Exec& ex, ParamSet& ps, const TokenBatch& batch, View loss) const {
  const auto mark = ex.scratch.mark();
  const View x =
      ex.scratch.take(DType::f32, {batch.tokens.extent(0), config_.channels}, "head.normed");
  hidden(ex, ps, batch, x);
  head_.loss(ex, ps, {.x = x, .targets = batch.targets, .loss = loss, .scale = 0});
}

void Transformer::logits(Exec& ex, ParamSet& ps, const TokenBatch& batch, View out) const {
  const auto mark = ex.scratch.mark();
  const View x =
      ex.scratch.take(DType::f32, {batch.tokens.extent(0), config_.channels}, "head.normed");
  hidden(ex, ps, batch, x);
  head_.logits(ex, ps, x, out);
}

void Transformer::logits_cached(Exec& ex,
                                ParamSet& ps,
                                const Attention::CachedPass& pass,
                                ConstView tokens,
                                View out,
                                std::span<const Attention::Cache> caches) const {
  const Scope scope("decode");
  require(caches.size() == blocks_.size(), Fault::bug, "{} caches for {} blocks", caches.size(),
          blocks_.size());
  const auto mark = ex.scratch.mark();
  const View h = ex.scratch.take(DType::f32, {tokens.extent(0), config_.channels}, "block.h");
  const View rstd = ex.scratch.take(DType::f32, {tokens.extent(0)}, "head.rstd");
  embedding_forward(ex, {.table = ps[embedding_].weight, .tokens = tokens, .out = h});
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const Scope inside("layers", static_cast<std::int64_t>(b));
    blocks_[b].forward_cached(ex, ps, pass, h, caches[b]);
  }
  if (!out.given()) return;
  norm_.forward(ex, ps, h, h, rstd);
  head_.logits(ex, ps, h, out);
}

}  // namespace mneme
