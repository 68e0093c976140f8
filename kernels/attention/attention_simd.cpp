#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/attention/attention_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/tile_simd.h"
// clang-format on

// The lanes of all vectors here are queries: scores are held as (keys, queries), so that maxima and
// sums over keys go down the vectors and no width needs padding.

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

/// Where a tile's queries, and the keys and values of its head's group, lie.
struct TileView {
  std::size_t width;
  std::size_t row;      // elements from token to token in qkv
  std::size_t out_row;  // and in out
  std::size_t queries;
  std::size_t lanes;  // queries, rounded up to whole vectors: rows of the work space
  const float* q;     // first query
  std::size_t key_offset;
  std::size_t value_offset;  // of token 0 in qkv and dqkv
};

HWY_INLINE TileView view_of_tile(const AttentionCall& call, const QueryTile& tile) {
  const std::int64_t heads = call.query_heads + 2 * call.kv_heads;
  const std::int64_t group = tile.head / (call.query_heads / call.kv_heads);
  const auto size = [](std::int64_t n) HWY_ATTR { return static_cast<std::size_t>(n); };
  const std::size_t vector = hn::Lanes(Wide());
  const std::size_t queries = size(tile.end - tile.begin);
  return {.width = size(call.width),
          .row = size(heads * call.width),
          .out_row = size(call.query_heads * call.width),
          .queries = queries,
          .lanes = (queries + vector - 1) / vector * vector,
          .q = call.qkv + (tile.begin * heads + tile.head) * call.width,
          .key_offset = size((call.query_heads + group) * call.width),
          .value_offset = size((call.query_heads + call.kv_heads + group) * call.width)};
}

/// to[i][q] = factor * from[q][i]; lanes beyond the queries are zero.
HWY_INLINE void transpose_in(
    const TileView& v, const float* from, std::size_t from_row, float factor, float* to) {
  transpose({.rows = v.queries,
             .columns = v.width,
             .from = from,
             .from_row = from_row,
             .to = to,
             .to_row = v.lanes,
             .factor = factor});
  for (std::size_t i = 0; i < v.width; ++i) {
    for (std::size_t q = v.queries; q < v.lanes; ++q) to[i * v.lanes + q] = 0;
  }
}

/// to[q][i] = from[i][q]
HWY_INLINE void transpose_out(const TileView& v, const float* from, float* to, std::size_t to_row) {
  transpose({.rows = v.width,
             .columns = v.queries,
             .from = from,
             .from_row = v.lanes,
             .to = to,
             .to_row = to_row});
}

/// Which of the keys a tile's queries see.
class Sight {
 public:
  Sight(const AttentionCall& call, const QueryTile& tile)
      : begin_(static_cast<std::int32_t>(tile.begin)), last_first_(call.first[tile.end - 1]) {
    first_.fill(std::numeric_limits<std::int32_t>::max());  // lanes beyond the queries see nothing
    std::copy(call.first + tile.begin, call.first + tile.end, first_.begin());
  }
  /// All queries see all keys in [begin, end).
  bool is_clear(std::int64_t begin, std::int64_t end) const {
    return end <= begin_ + 1 && begin >= last_first_;
  }
  /// first[t] <= key <= t, for the vector of queries from q on.
  template <class D>
  HWY_INLINE hn::Mask<D> sees(D d, std::size_t q, std::int64_t key) const {
    const hn::RebindToSigned<D> di;
    const auto k = hn::Set(di, static_cast<std::int32_t>(key));
    const auto token = hn::Iota(di, begin_ + static_cast<std::int32_t>(q));
    const auto hidden = hn::Or(hn::Gt(hn::LoadU(di, first_.data() + q), k), hn::Gt(k, token));
    return hn::Not(hn::RebindMask(d, hidden));
  }

 private:
  std::array<std::int32_t, static_cast<std::size_t>(query_tile)> first_;
  std::int32_t begin_;
  std::int32_t last_first_;
};

/// Scores become probabilities against the running maximum; what was summed before is to be scaled
/// by `factor`.
struct OnlineSoftmax {
  float* top;
  float* sum;
  float* factor;
};

HWY_INLINE void online_softmax(const TileView& v,
                               const Sight& sight,
                               std::int64_t begin,
                               std::int64_t end,
                               float* scores,
                               const OnlineSoftmax& s) {
  const Wide d;
  const bool is_clear = sight.is_clear(begin, end);
  const auto keys = static_cast<std::size_t>(end - begin);
  const auto low = hn::Set(d, std::numeric_limits<float>::lowest());
  for (std::size_t q = 0; q < v.lanes; q += hn::Lanes(d)) {
    float* const column = scores + q;
    const auto before = hn::Load(d, s.top + q);
    auto top = before;
    for (std::size_t k = 0; k < keys; ++k) {
      auto x = hn::Load(d, column + k * v.lanes);
      if (!is_clear) {
        x = hn::IfThenElse(sight.sees(d, q, begin + static_cast<std::int64_t>(k)), x, low);
        hn::Store(x, d, column + k * v.lanes);
      }
      top = hn::Max(top, x);
    }
    auto sum = hn::Zero(d);
    for (std::size_t k = 0; k < keys; ++k) {
      const auto x = hn::Load(d, column + k * v.lanes);
      auto p = exp_lanes(d, hn::Sub(x, top));
      if (!is_clear) p = hn::IfThenZeroElse(hn::Eq(x, low), p);
      hn::Store(p, d, column + k * v.lanes);
      sum = hn::Add(sum, p);
    }
    const auto factor = exp_lanes(d, hn::Sub(before, top));
    hn::Store(top, d, s.top + q);
    hn::Store(factor, d, s.factor + q);
    hn::Store(hn::MulAdd(hn::Load(d, s.sum + q), factor, sum), d, s.sum + q);
  }
}

void attention_tile_forward(
    const AttentionCall& call, const QueryTile& tile, float* work, float* out, float* lse) {
  const Wide d;
  const TileView v = view_of_tile(call, tile);
  const Sight sight(call, tile);
  float* const q = work;
  float* const sum_of_values = q + v.width * v.lanes;  // (w, queries)
  float* const scores = sum_of_values + v.width * v.lanes;
  const OnlineSoftmax s{scores + key_tile * query_tile, scores + (key_tile + 1) * query_tile,
                        scores + (key_tile + 2) * query_tile};
  transpose_in(v, v.q, v.row, call.scale, q);
  for (std::size_t i = 0; i < v.width * v.lanes; ++i) sum_of_values[i] = 0;
  for (std::size_t i = 0; i < v.lanes; ++i) {
    s.top[i] = std::numeric_limits<float>::lowest();
    s.sum[i] = 0;
  }
  std::int64_t end = 0;
  for (std::int64_t begin = call.first[tile.begin]; begin < tile.end; begin = end) {
    end = begin + key_tile < tile.end ? begin + key_tile : tile.end;
    const auto keys = static_cast<std::size_t>(end - begin);
    const float* token = call.qkv + static_cast<std::size_t>(begin) * v.row;
    tile_product({.m = keys,
                  .n = v.lanes,
                  .k = v.width,
                  .a = token + v.key_offset,
                  .a_row = v.row,
                  .a_column = 1,
                  .b = q,
                  .b_row = v.lanes,
                  .c = scores,
                  .c_row = v.lanes});
    online_softmax(v, sight, begin, end, scores, s);
    for (std::size_t i = 0; i < v.width; ++i) {
      for (std::size_t l = 0; l < v.lanes; l += hn::Lanes(d)) {
        float* const x = sum_of_values + i * v.lanes + l;
        hn::Store(hn::Mul(hn::Load(d, x), hn::Load(d, s.factor + l)), d, x);
      }
    }
    tile_product({.m = v.width,
                  .n = v.lanes,
                  .k = keys,
                  .a = token + v.value_offset,
                  .a_row = 1,
                  .a_column = v.row,
                  .b = scores,
                  .b_row = v.lanes,
                  .c = sum_of_values,
                  .c_row = v.lanes,
                  .accumulate = true});
  }
  for (std::size_t i = 0; i < v.width; ++i) {
    for (std::size_t l = 0; l < v.lanes; l += hn::Lanes(d)) {
      float* const x = sum_of_values + i * v.lanes + l;
      hn::Store(hn::Div(hn::Load(d, x), hn::Load(d, s.sum + l)), d, x);
    }
  }
  transpose_out(v, sum_of_values, out + (tile.begin * call.query_heads + tile.head) * call.width,
                v.out_row);
  for (std::size_t i = 0; i < v.queries; ++i) {
    lse[(tile.begin + static_cast<std::int64_t>(i)) * call.query_heads + tile.head] =
        s.top[i] + std::log(s.sum[i]);
  }
}

/// scores -> p = exp(score - lse);  dp -> ds = scale * p * (dp - D).  Hidden keys get zeros.
HWY_INLINE void probabilities_and_slopes(const TileView& v,
                                         const Sight& sight,
                                         std::int64_t begin,
                                         std::int64_t end,
                                         float scale,
                                         const float* lse,
                                         const float* dot,
                                         float* scores,
                                         float* dp) {
  const Wide d;
  const bool is_clear = sight.is_clear(begin, end);
  const auto keys = static_cast<std::size_t>(end - begin);
  for (std::size_t q = 0; q < v.lanes; q += hn::Lanes(d)) {
    const auto vlse = hn::Load(d, lse + q);
    const auto vdot = hn::Load(d, dot + q);
    for (std::size_t k = 0; k < keys; ++k) {
      const std::size_t at = k * v.lanes + q;
      auto p = exp_lanes(d, hn::Sub(hn::Load(d, scores + at), vlse));
      auto ds = hn::Mul(hn::Mul(p, hn::Set(d, scale)), hn::Sub(hn::Load(d, dp + at), vdot));
      if (!is_clear) {
        const auto sees = sight.sees(d, q, begin + static_cast<std::int64_t>(k));
        p = hn::IfThenElseZero(sees, p);
        ds = hn::IfThenElseZero(sees, ds);
      }
      hn::Store(p, d, scores + at);
      hn::Store(ds, d, dp + at);
    }
  }
}

void attention_tile_backward(const AttentionCall& call,
                             const QueryTile& tile,
                             const AttentionGradients& g,
                             float* work) {
  const TileView v = view_of_tile(call, tile);
  const Sight sight(call, tile);
  float* const q = work;
  float* const dout = q + v.width * v.lanes;
  float* const dq = dout + v.width * v.lanes;
  float* const scores = dq + v.width * v.lanes;
  float* const dp = scores + key_tile * query_tile;
  float* const lse = dp + key_tile * query_tile;
  float* const dot = lse + query_tile;
  const auto out_at = static_cast<std::size_t>(tile.begin * call.query_heads + tile.head);
  const float* const dout_rows = g.dout + out_at * v.width;
  transpose_in(v, v.q, v.row, call.scale, q);
  transpose_in(v, dout_rows, v.out_row, 1.0F, dout);
  for (std::size_t i = 0; i < v.width * v.lanes; ++i) dq[i] = 0;
  for (std::size_t i = 0; i < v.lanes; ++i) lse[i] = dot[i] = 0;
  for (std::size_t i = 0; i < v.queries; ++i) {
    const float* a = dout_rows + i * v.out_row;
    const float* b = g.out + out_at * v.width + i * v.out_row;
    lse[i] = g.lse[out_at + i * static_cast<std::size_t>(call.query_heads)];
    dot[i] = sum_lanes(v.width, [=](auto d, std::size_t c) HWY_ATTR {
      return hn::Mul(hn::LoadU(d, a + c), hn::LoadU(d, b + c));
    });
  }
  std::int64_t end = 0;
  for (std::int64_t begin = call.first[tile.begin]; begin < tile.end; begin = end) {
    end = begin + key_tile < tile.end ? begin + key_tile : tile.end;
    const auto keys = static_cast<std::size_t>(end - begin);
    const std::size_t token = static_cast<std::size_t>(begin) * v.row;
    const float* const k = call.qkv + token + v.key_offset;
    const float* const values = call.qkv + token + v.value_offset;
    TileProduct forward{.m = keys,
                        .n = v.lanes,
                        .k = v.width,
                        .a = k,
                        .a_row = v.row,
                        .a_column = 1,
                        .b = q,
                        .b_row = v.lanes,
                        .c = scores,
                        .c_row = v.lanes};
    tile_product(forward);
    forward.a = values;
    forward.b = dout;
    forward.c = dp;
    tile_product(forward);
    probabilities_and_slopes(v, sight, begin, end, call.scale, lse, dot, scores, dp);
    TileProduct to_keys{.m = keys,
                        .n = v.width,
                        .k = v.queries,
                        .a = scores,
                        .a_row = v.lanes,
                        .a_column = 1,
                        .b = dout_rows,
                        .b_row = v.out_row,
                        .c = g.dqkv + token + v.value_offset,
                        .c_row = v.row,
                        .accumulate = true};
    tile_product(to_keys);
    to_keys.a = dp;
    to_keys.b = v.q;
    to_keys.b_row = v.row;
    to_keys.c = g.dqkv + token + v.key_offset;
    tile_product(to_keys);
    tile_product({.m = v.width,
                  .n = v.lanes,
                  .k = keys,
                  .a = k,
                  .a_row = 1,
                  .a_column = v.row,
                  .b = dp,
                  .b_row = v.lanes,
                  .c = dq,
                  .c_row = v.lanes,
                  .accumulate = true});
  }
  transpose_out(v, dq,
                g.dqkv + static_cast<std::size_t>(tile.begin) * v.row +
                    static_cast<std::size_t>(tile.head) * v.width,
                v.row);
}

void attention_cached_query(const CachedQuery& a, float* work, float* out) {
  float top = std::numeric_limits<float>::lowest();
  for (std::size_t s = 0; s < a.length; ++s) {
    const float* q = a.query;
    const float* k = a.keys + s * a.row;
    work[s] = a.scale * sum_lanes(a.width, [=](auto d, std::size_t i) HWY_ATTR {
                return hn::Mul(hn::LoadU(d, q + i), hn::LoadU(d, k + i));
              });
    top = work[s] > top ? work[s] : top;
  }
  const float sum = sum_lanes(a.length, [=](auto d, std::size_t s) HWY_ATTR {
    const auto p = exp_lanes(d, hn::Sub(hn::LoadU(d, work + s), hn::Set(d, top)));
    hn::StoreU(p, d, work + s);
    return p;
  });
  for (std::size_t i = 0; i < a.width; ++i) out[i] = 0;
  tile_product({.m = 1,
                .n = a.width,
                .k = a.length,
                .a = work,
                .a_row = 0,
                .a_column = 1,
                .b = a.values,
                .b_row = a.row,
                .c = out,
                .c_row = a.width});
  for (std::size_t i = 0; i < a.width; ++i) out[i] /= sum;
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(attention_tile_forward);
void attention_tile_forward(
    const AttentionCall& call, const QueryTile& tile, float* work, float* out, float* lse) {
  HWY_DYNAMIC_DISPATCH(attention_tile_forward)(call, tile, work, out, lse);
}

HWY_EXPORT(attention_tile_backward);
void attention_tile_backward(const AttentionCall& call,
                             const QueryTile& tile,
                             const AttentionGradients& gradients,
                             float* work) {
  HWY_DYNAMIC_DISPATCH(attention_tile_backward)(call, tile, gradients, work);
}

HWY_EXPORT(attention_cached_query);
void attention_cached_query(const CachedQuery& a, float* work, float* out) {
  HWY_DYNAMIC_DISPATCH(attention_cached_query)(a, work, out);
}

}  // namespace mneme::cpu
#endif
