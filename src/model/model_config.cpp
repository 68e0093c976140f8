#include "model/model_config.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/math.h"

namespace mneme {
namespace {

bool layers_exist(const ModelConfig& c) {
  if (!c.memory.layers) return true;
  const auto& layers = *c.memory.layers;
  return std::is_sorted(layers.begin(), layers.end(), std::less_equal<>()) &&
         std::all_of(layers.begin(), layers.end(), [&](auto l) { return l >= 0 && l < c.blocks; });
}

/// The power of two nearest to blocks/3, at least 1.
std::int64_t default_stride(std::int64_t blocks) {
  std::int64_t stride = 1;
  while (std::abs(6 * stride - blocks) < std::abs(3 * stride - blocks)) stride *= 2;
  return stride;
}

std::vector<std::int64_t> default_layers(const ModelConfig& c) {
  const std::int64_t middle = c.blocks / 2;
  if (c.ffn == FfnKind::memory) return {middle};
  const std::int64_t stride = default_stride(c.blocks);
  std::vector<std::int64_t> layers;
  for (const std::int64_t l : {middle - stride, middle, middle + stride}) {
    if (l >= 0 && l < c.blocks) layers.push_back(l);
  }
  return layers;
}

}  // namespace

std::int64_t ModelConfig::resolved_ffn_hidden() const {
  return ffn_hidden != 0 ? ffn_hidden
                         : round_up(ceil_div(8 * channels, std::int64_t{3}), std::int64_t{256});
}

void ModelConfig::describe(Schema<ModelConfig>& s) {
  s.field("vocabulary", &ModelConfig::vocabulary, "tokens", "0 takes the tokenizer's",
          non_negative())
      .field("channels", &ModelConfig::channels, "", "model width C", positive())
      .field("blocks", &ModelConfig::blocks, "", "decoder blocks", positive())
      .field("heads", &ModelConfig::heads, "", "query heads of attention", positive())
      .field("kv_heads", &ModelConfig::kv_heads, "", "key/value heads; 0: as many as heads",
             non_negative())
      .field("head_width", &ModelConfig::head_width, "", "width of a head; 0: channels/heads",
             non_negative())
      .field("ffn_hidden", &ModelConfig::ffn_hidden, "",
             "hidden width of SwiGLU; 0: 8/3 of channels, rounded up to a multiple of 256",
             non_negative())
      .field("rope_theta", &ModelConfig::rope_theta, "", "base of the rotary angles",
             greater_than(1))
      .field("norm_eps", &ModelConfig::norm_eps, "", "added to the mean square in every norm",
             positive())
      .field("tie_embeddings", &ModelConfig::tie_embeddings, "", "output head = embedding")
      .field("z_loss", &ModelConfig::z_loss, "", "weight of mean(logsumexp^2); 1e-4 is usual",
             non_negative())
      .field("ffn", &ModelConfig::ffn, "",
             "dense, or some blocks with memory layers; memory and memory_plus are one module with "
             "other defaults")
      .field("recompute", &ModelConfig::recompute, "",
             "block: keep only each block's input and compute the rest again in backward")
      .field("memory", &ModelConfig::memory, "", "the memory layers, for ffn: memory | memory_plus")
      .together("heads must be a multiple of kv_heads",
                [](const ModelConfig& c) { return c.heads % c.resolved_kv_heads() == 0; })
      .together("head_width must be above 0 unless channels is a multiple of heads",
                [](const ModelConfig& c) { return c.head_width != 0 || c.channels % c.heads == 0; })
      .together("head_width must be even",
                [](const ModelConfig& c) {
                  const bool undefined =
                      c.head_width == 0 && c.channels % c.heads != 0;  // told above
                  return undefined || c.resolved_head_width() % 2 == 0;
                })
      .together(
          "channels must be a multiple of 4 for the default of memory.key_width, half of them",
          [](const ModelConfig& c) {
            return c.memory.key_width || c.ffn != FfnKind::memory_plus || c.channels % 4 == 0;
          })
      .together("memory.layers must be ascending block numbers below blocks", layers_exist);
}

ResolvedMemory resolve_memory(const ModelConfig& c) {
  const MemoryConfig& m = c.memory;
  const bool plus = c.ffn == FfnKind::memory_plus;
  ResolvedMemory r;
  if (c.ffn == FfnKind::dense) return r;
  r.layers = m.layers ? *m.layers : default_layers(c);
  r.channels = c.channels;
  r.heads = m.heads;
  r.top_k = m.top_k;
  r.half_keys = m.half_keys;
  r.key_width = m.key_width.value_or(plus ? c.channels / 2 : 256);
  r.value_width = m.value_width.value_or(c.channels);
  r.gate = m.gate.value_or(plus ? Gate::silu : Gate::none);
  r.qk_norm = m.qk_norm;
  r.query_norm = m.query_norm;
  r.keys = m.keys;
  r.placement = m.placement;
  r.pool_type = m.pool_type;
  r.pool_master = m.pool_master;
  r.exchange = m.exchange;
  r.norm_eps = static_cast<float>(c.norm_eps);
  return r;
}

}  // namespace mneme
