#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/enum_names.h"
#include "config/schema.h"

namespace mneme {

enum class Gate : std::uint8_t { none, silu, sigmoid };
enum class QkNorm : std::uint8_t { none, rms };
enum class QueryNorm : std::uint8_t { none, batch, layer };
enum class Share : std::uint8_t { all, none, block };
enum class ShareKeys : std::uint8_t { none, all };
enum class KeyKind : std::uint8_t { product, flat };
enum class MemoryPlacement : std::uint8_t { replace, beside };
enum class PoolType : std::uint8_t { f32, bf16 };
enum class Exchange : std::uint8_t { all_to_all, all_gather };

template <>
struct EnumNames<Gate> {
  static constexpr std::array table{std::pair{Gate::none, std::string_view("none")},
                                    std::pair{Gate::silu, std::string_view("silu")},
                                    std::pair{Gate::sigmoid, std::string_view("sigmoid")}};
};
template <>
struct EnumNames<QkNorm> {
  static constexpr std::array table{std::pair{QkNorm::none, std::string_view("none")},
                                    std::pair{QkNorm::rms, std::string_view("rms")}};
};
template <>
struct EnumNames<QueryNorm> {
  static constexpr std::array table{std::pair{QueryNorm::none, std::string_view("none")},
                                    std::pair{QueryNorm::batch, std::string_view("batch")},
                                    std::pair{QueryNorm::layer, std::string_view("layer")}};
};
template <>
struct EnumNames<Share> {
  static constexpr std::array table{std::pair{Share::all, std::string_view("all")},
                                    std::pair{Share::none, std::string_view("none")},
                                    std::pair{Share::block, std::string_view("block")}};
};
template <>
struct EnumNames<ShareKeys> {
  static constexpr std::array table{std::pair{ShareKeys::none, std::string_view("none")},
                                    std::pair{ShareKeys::all, std::string_view("all")}};
};
template <>
struct EnumNames<KeyKind> {
  static constexpr std::array table{std::pair{KeyKind::product, std::string_view("product")},
                                    std::pair{KeyKind::flat, std::string_view("flat")}};
};
template <>
struct EnumNames<MemoryPlacement> {
  static constexpr std::array table{
      std::pair{MemoryPlacement::replace, std::string_view("replace")},
      std::pair{MemoryPlacement::beside, std::string_view("beside")}};
};
template <>
struct EnumNames<PoolType> {
  static constexpr std::array table{std::pair{PoolType::f32, std::string_view("f32")},
                                    std::pair{PoolType::bf16, std::string_view("bf16")}};
};
template <>
struct EnumNames<Exchange> {
  static constexpr std::array table{
      std::pair{Exchange::all_to_all, std::string_view("all_to_all")},
      std::pair{Exchange::all_gather, std::string_view("all_gather")}};
};

/// The memory layers of a model, as written in the config. What is left out (null) takes the
/// default of model.ffn: memory or memory_plus, see ResolvedMemory.
struct MemoryConfig {
  std::optional<std::vector<std::int64_t>> layers;
  std::int64_t heads = 4;
  std::int64_t top_k = 32;
  std::int64_t half_keys = 1024;
  std::optional<std::int64_t> key_width;
  std::optional<std::int64_t> value_width;
  std::optional<Gate> gate;
  QkNorm qk_norm = QkNorm::rms;
  QueryNorm query_norm = QueryNorm::none;
  KeyKind keys = KeyKind::product;
  Share share = Share::all;
  std::int64_t share_block = 2;
  ShareKeys share_keys = ShareKeys::none;
  MemoryPlacement placement = MemoryPlacement::replace;
  PoolType pool_type = PoolType::f32;
  bool pool_master = true;
  Exchange exchange = Exchange::all_to_all;

  static void describe(Schema<MemoryConfig>& s) {
    s.field(
         "layers", &MemoryConfig::layers, "",
         "blocks (from 0) with a memory layer; by default the middle one (memory) or three around "
         "the middle (memory_plus)")
        .field("heads", &MemoryConfig::heads, "", "lookups per token and layer", positive())
        .field("top_k", &MemoryConfig::top_k, "rows", "rows read per head", in_range(1, 1024))
        .field("half_keys", &MemoryConfig::half_keys, "",
               "half-keys per half and head; the pool has half_keys^2 rows", in_range(1, 32768))
        .field(
            "key_width", &MemoryConfig::key_width, "",
            "width of a whole key; by default 256 (memory) or half the model width (memory_plus)",
            positive(), multiple_of(2))
        .field("value_width", &MemoryConfig::value_width, "",
               "width of a pool row; by default the model width", positive())
        .field("gate", &MemoryConfig::gate, "",
               "what multiplies the read; by default none (memory) or silu (memory_plus)")
        .field("qk_norm", &MemoryConfig::qk_norm, "",
               "RMSNorm over each half-query and half-key; keeps large pools stable")
        .field("query_norm", &MemoryConfig::query_norm, "",
               "normalisation of queries: batch spreads use of the rows, layer is per half-query")
        .field("keys", &MemoryConfig::keys, "",
               "product keys, or half_keys^2 flat keys compared one by one (small pools only)")
        .field("share", &MemoryConfig::share, "",
               "one pool for all memory layers, one each, or one for every share_block neighbours")
        .field("share_block", &MemoryConfig::share_block, "layers",
               "memory layers that share a pool, with share: block", positive())
        .field("share_keys", &MemoryConfig::share_keys, "",
               "own keys per layer, or one set for all")
        .field("placement", &MemoryConfig::placement, "",
               "in place of the block's FFN, or beside it with the outputs added")
        .field("pool_type", &MemoryConfig::pool_type, "", "how pool rows are stored and read")
        .field("pool_master", &MemoryConfig::pool_master, "",
               "with pool_type: bf16, an f32 copy takes the updates; without it they are rounded "
               "stochastically")
        .field("exchange", &MemoryConfig::exchange, "",
               "how ranks exchange partial rows; all_gather is simpler and takes memory_axis times "
               "the "
               "memory; same bits")
        .together(
            "pool_master needs pool_type bf16 to be false",
            [](const MemoryConfig& c) { return c.pool_master || c.pool_type == PoolType::bf16; })
        .together(
            "top_k <= half_keys",
            [](const MemoryConfig& c) {
              return c.top_k <= (c.keys == KeyKind::flat ? c.half_keys * c.half_keys : c.half_keys);
            },
            [](const MemoryConfig& c) {
              return fmt::format("with half_keys: {} the pool has {}^2 = {} rows", c.top_k, c.top_k,
                                 c.top_k * c.top_k);
            });
  }
};
static_assert(Config<MemoryConfig>);

/// The same with every default filled in: what modules are built from.
struct ResolvedMemory {
  std::vector<std::int64_t> layers;
  std::int64_t channels = 0;
  std::int64_t heads = 0;
  std::int64_t top_k = 0;
  std::int64_t half_keys = 0;
  std::int64_t key_width = 0;
  std::int64_t value_width = 0;
  Gate gate = Gate::none;
  QkNorm qk_norm = QkNorm::rms;
  QueryNorm query_norm = QueryNorm::none;
  KeyKind keys = KeyKind::product;
  MemoryPlacement placement = MemoryPlacement::replace;
  PoolType pool_type = PoolType::f32;
  bool pool_master = true;
  Exchange exchange = Exchange::all_to_all;
  float norm_eps = 1e-5F;

  std::int64_t rows() const { return half_keys * half_keys; }
  std::int64_t reads() const { return heads * top_k; }  // J: per token and layer
  std::int64_t half_width() const { return key_width / 2; }
};

}  // namespace mneme
