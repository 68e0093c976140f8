#pragma once

#include <span>
#include <vector>

#include "comm/mesh.h"
#include "model/block.h"
#include "model/model_config.h"
#include "nn/lm_head.h"

namespace mneme {

/// The decoder: embedding, blocks, final RMSNorm, output head. Explicit forward and backward.
class Transformer {
 public:
  /// Declares all parameters. `step_tokens` = tokens of one optimizer step over all ranks; it
  /// bounds the pool rows that a step can touch. `mesh` must outlive the model.
  Transformer(const ParamScope& scope,
              const ModelConfig& config,
              std::int64_t step_tokens,
              const Mesh& mesh);

  struct Train {
    TokenBatch batch;
    float scale = 0;               // 1 / targets of the global batch
    View loss;                     // (T) f32: -log p of each target, 0 where ignored
    const PoolUse* use = nullptr;  // counts pool reads, if given
  };
  /// Forward and backward of one micro-batch: gradients are added to. Activations live in `keep`.
  void train(Exec& ex, ParamSet& ps, const Train& a, Arena& keep) const;

  /// loss (T) f32 of a batch; no stored state changes.
  void evaluate(Exec& ex, ParamSet& ps, const TokenBatch& batch, View loss) const;
  /// logits (T, V) f32 of a batch; no stored state changes. For small T.
  void logits(Exec& ex, ParamSet& ps, const TokenBatch& batch, View out) const;

  /// Generation: n new tokens (i32) take their place in the caches, one per block; out (n, V) f32,
  /// if given, gets their logits.
  void logits_cached(Exec& ex,
                     ParamSet& ps,
                     const Attention::CachedPass& pass,
                     ConstView tokens,
                     View out,
                     std::span<const Attention::Cache> caches) const;
  AttentionShape attention_shape() const;

  const ModelConfig& config() const { return config_; }
  const ResolvedMemory& memory() const { return memory_; }
  std::int64_t memory_layers() const { return static_cast<std::int64_t>(memory_.layers.size()); }
  /// The pools' values, in the order of their first layer.
  const std::vector<ParamId>& pools() const { return pools_; }
  /// For each memory layer the number of the pool that it reads.
  std::vector<std::int64_t> pool_of_layers() const;

 private:
  void declare_blocks(const ParamScope& scope, std::int64_t step_tokens, const Mesh& mesh);
  std::vector<ValuePool> declare_pools(const ParamScope& scope,
                                       std::int64_t step_tokens,
                                       const Mesh& mesh);
  std::size_t pool_of(std::size_t layer) const;
  void head_backward(Exec& ex, ParamSet& ps, const Train& a, ConstView h, View dh) const;
  /// Final hidden states (T, C), normalised, without keeping anything.
  void hidden(Exec& ex, ParamSet& ps, const TokenBatch& batch, View out) const;

  ModelConfig config_;
  ResolvedMemory memory_;
  ParamId embedding_;
  std::vector<Block> blocks_;
  std::vector<ParamId> pools_;
  RmsNorm norm_;
  LmHead head_;
};

}  // namespace mneme
