#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/enum_names.h"
#include "config/schema.h"
#include "nn/memory_config.h"

namespace mneme {

enum class FfnKind : std::uint8_t { dense, memory, memory_plus };
enum class Recompute : std::uint8_t { none, block };

template <>
struct EnumNames<FfnKind> {
  static constexpr std::array table{
      std::pair{FfnKind::dense, std::string_view("dense")},
      std::pair{FfnKind::memory, std::string_view("memory")},
      std::pair{FfnKind::memory_plus, std::string_view("memory_plus")}};
};
template <>
struct EnumNames<Recompute> {
  static constexpr std::array table{std::pair{Recompute::none, std::string_view("none")},
                                    std::pair{Recompute::block, std::string_view("block")}};
};

/// The shape of a Llama-style decoder, with or without memory layers.
struct ModelConfig {
  std::int64_t vocabulary = 0;
  std::int64_t channels = 768;
  std::int64_t blocks = 12;
  std::int64_t heads = 12;
  std::int64_t kv_heads = 0;
  std::int64_t head_width = 0;
  std::int64_t ffn_hidden = 0;
  double rope_theta = 10000;
  double norm_eps = 1e-5;
  bool tie_embeddings = false;
  double z_loss = 0;
  FfnKind ffn = FfnKind::dense;
  Recompute recompute = Recompute::none;
  MemoryConfig memory;

  std::int64_t resolved_kv_heads() const { return kv_heads == 0 ? heads : kv_heads; }
  std::int64_t resolved_head_width() const {
    return head_width == 0 ? channels / heads : head_width;
  }
  /// 8/3 * channels, rounded up to a multiple of 256, unless set.
  std::int64_t resolved_ffn_hidden() const;

  static void describe(Schema<ModelConfig>& s);
};
static_assert(Config<ModelConfig>);

/// The memory layers with every default of `ffn` filled in; no layers for ffn: dense.
///   memory: the middle block, D = 256, no gate.  memory_plus: three blocks around the middle,
///   apart by the power of two nearest to blocks/3, D = channels/2, gate silu.
ResolvedMemory resolve_memory(const ModelConfig& config);

}  // namespace mneme
