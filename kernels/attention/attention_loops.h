#pragma once

#include <cstddef>
#include <cstdint>

namespace mneme::cpu {

/// Queries of a tile (the lanes of its vectors) and keys that are taken at once.
inline constexpr std::int64_t query_tile = 32;
inline constexpr std::int64_t key_tile = 64;

/// What all tiles of a call share; see kernels/attention/attention.h.
struct AttentionCall {
  std::int64_t query_heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t width = 0;
  float scale = 0;
  const float* qkv = nullptr;
  const std::int32_t* first = nullptr;
};

/// One head's queries [begin, end) of at most query_tile tokens, all of one segment: of tokens
/// that see nothing in front of the segment's first one.
struct QueryTile {
  std::int64_t head = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// f32 elements of work space per thread.
constexpr std::int64_t attention_forward_work(std::int64_t width) {
  return (2 * width + key_tile + 5) * query_tile;
}
constexpr std::int64_t attention_backward_work(std::int64_t width) {
  return (3 * width + 2 * key_tile + 4) * query_tile;
}

/// Writes the tile's rows of out and lse.
void attention_tile_forward(
    const AttentionCall& call, const QueryTile& tile, float* work, float* out, float* lse);

struct AttentionGradients {
  const float* dout = nullptr;  // (T, query_heads, w)
  const float* out = nullptr;   // (T, query_heads, w)
  const float* lse = nullptr;   // (T, query_heads)
  float* dqkv = nullptr;        // (T, query_heads + 2*kv_heads, w)
};

/// Writes the tile's dq and adds to dk and dv of the keys it sees.
void attention_tile_backward(const AttentionCall& call,
                             const QueryTile& tile,
                             const AttentionGradients& gradients,
                             float* work);

/// One query of width w over `length` keys and values, `row` elements apart; `work` has `length`
/// elements. The sums go over keys in order.
struct CachedQuery {
  std::size_t width = 0;
  std::size_t length = 0;
  std::size_t row = 0;
  float scale = 0;
  const float* query = nullptr;
  const float* keys = nullptr;
  const float* values = nullptr;
};
void attention_cached_query(const CachedQuery& a, float* work, float* out);

}  // namespace mneme::cpu
