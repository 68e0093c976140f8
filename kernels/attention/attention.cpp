#include "kernels/attention/attention.h"

#include <algorithm>

#include "kernels/attention/attention_loops.h"
#include "kernels/checks.h"
#include "kernels/parallel.h"

#include "base/scope.h"

namespace mneme {
namespace {

struct Heads {
  int query = 0;
  int kv = 0;
};

void require_qkv(ConstView qkv, ConstView first, const Heads& heads, const char* op) {
  require(qkv.given() && qkv.shape().rank() == 3, Fault::bug, "{}: qkv is {}, wanted (T, heads, w)",
          op, to_string(qkv.shape()));
  require(heads.kv >= 1 && heads.query >= 1 && heads.query % heads.kv == 0, Fault::bug,
          "{}: {} query heads do not share {} key and value heads evenly", op, heads.query,
          heads.kv);
  const std::int64_t tokens = qkv.extent(0);
  const std::int64_t width = qkv.extent(2);
  require(width >= 1, Fault::bug, "{}: heads of width 0", op);
  require_tensor(qkv, DType::f32, {tokens, heads.query + 2 * heads.kv, width}, op, "qkv");
  require_tensor(first, DType::i32, {tokens}, op, "first");
}

/// first[t] in [first[t-1], t]: what the tiles rely on.
void require_causal(ConstView first, const char* op) {
  std::int32_t before = 0;
  std::int32_t t = 0;
  for (const std::int32_t f : first.span<const std::int32_t>()) {
    require(f >= before && f <= t, Fault::bug,
            "{}: token {} may look at tokens from {} on, wanted a number in [{}, {}]", op, t, f,
            before, t);
    before = f;
    ++t;
  }
}

/// The starts of the segments, then T: a token that sees nothing before itself starts one, and no
/// later token sees anything in front of it. Returns how many segments there are.
std::int64_t find_segments(ConstView first, std::int32_t* starts) {
  const std::span<const std::int32_t> f = first.span<const std::int32_t>();
  std::int64_t count = 0;
  for (std::size_t t = 0; t < f.size(); ++t) {
    const auto token = static_cast<std::int32_t>(t);
    if (f[t] == token) starts[count++] = token;
  }
  starts[count] = static_cast<std::int32_t>(f.size());
  return count;
}

/// Cuts segments into tiles of queries; tiles start with their segment, so that a document's bits
/// do not depend on what stands before it. Returns how many tiles there are; `starts` gets T, too.
std::int64_t cut_tiles(const std::int32_t* segments, std::int64_t count, std::int32_t* starts) {
  std::int64_t tiles = 0;
  for (std::int64_t s = 0; s < count; ++s) {
    for (std::int32_t t = segments[s]; t < segments[s + 1];
         t += static_cast<std::int32_t>(cpu::query_tile)) {
      starts[tiles++] = t;
    }
  }
  starts[tiles] = segments[count];
  return tiles;
}

cpu::AttentionCall call_of(ConstView qkv, ConstView first, const Heads& heads, float scale) {
  return {.query_heads = heads.query,
          .kv_heads = heads.kv,
          .width = qkv.extent(2),
          .scale = scale,
          .qkv = qkv.ptr<const float>(),
          .first = first.ptr<const std::int32_t>()};
}

/// Item i goes to thread i mod threads: neighbours are alike, so that threads get equal shares.
template <class F>
void deal(const Exec& ex, std::int64_t items, F&& f) {
  const std::int64_t threads = std::min<std::int64_t>(ex.threads, items);
  cpu::parallel_blocks(ex, threads, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t t = first; t < last; ++t) {
      for (std::int64_t i = t; i < items; i += threads) f(i, t);
    }
  });
}

/// Multiplications with keys and with values over the pairs that the mask allows; twice that of
/// each in backward. A measuring run has no mask: nothing is counted.
void count_flop(
    const Exec& ex, ConstView first, std::int64_t heads, std::int64_t width, double products) {
  if (ex.cost == nullptr || ex.measuring()) return;
  const auto from = first.span<const std::int32_t>();
  double pairs = 0;
  for (std::size_t t = 0; t < from.size(); ++t) {
    pairs += static_cast<double>(t + 1) - static_cast<double>(from[t]);
  }
  ex.cost->matmul_flop += products * 2 * pairs * static_cast<double>(heads * width);
}

}  // namespace

void AttentionForward::validate() const {
  require_qkv(qkv, first, {query_heads, kv_heads}, "attention_forward");
  const std::int64_t tokens = qkv.extent(0);
  require_tensor(out, DType::f32, {tokens, query_heads, qkv.extent(2)}, "attention_forward", "out");
  require_tensor(lse, DType::f32, {tokens, query_heads}, "attention_forward", "lse");
  require_apart(qkv, out, "attention_forward", "qkv and out");
}

void attention_forward(Exec& ex, const AttentionForward& a) {
  const Scope scope("attention_forward");
  a.validate();
  count_flop(ex, a.first, a.query_heads, a.qkv.extent(2), 2);
  const std::int64_t tokens = a.qkv.extent(0);
  const std::int64_t work_size = cpu::attention_forward_work(a.qkv.extent(2));
  const auto mark = ex.scratch.mark();
  const View work = ex.scratch.take(DType::f32, {ex.threads, work_size}, "attention.tiles");
  const View segments = ex.scratch.take(DType::i32, {tokens + 1}, "attention.cuts");
  const View tiles = ex.scratch.take(DType::i32, {tokens + 1}, "attention.cuts");
  if (ex.measuring()) return;
  require_causal(a.first, "attention_forward");
  const std::int64_t segment_count = find_segments(a.first, segments.ptr<std::int32_t>());
  const std::int32_t* starts = tiles.ptr<std::int32_t>();
  const std::int64_t tile_count =
      cut_tiles(segments.ptr<std::int32_t>(), segment_count, tiles.ptr<std::int32_t>());
  const cpu::AttentionCall call = call_of(a.qkv, a.first, {a.query_heads, a.kv_heads}, a.scale);
  float* out = a.out.ptr<float>();
  float* lse = a.lse.ptr<float>();
  float* room = work.ptr<float>();
  deal(ex, tile_count * a.query_heads, [=](std::int64_t item, std::int64_t thread) {
    const std::int64_t tile = item / call.query_heads;
    cpu::attention_tile_forward(
        call, {.head = item % call.query_heads, .begin = starts[tile], .end = starts[tile + 1]},
        room + thread * work_size, out, lse);
  });
}

void AttentionBackward::validate() const {
  require_qkv(qkv, first, {query_heads, kv_heads}, "attention_backward");
  const Shape shape{qkv.extent(0), query_heads, qkv.extent(2)};
  require_tensor(dout, DType::f32, shape, "attention_backward", "dout");
  require_tensor(out, DType::f32, shape, "attention_backward", "out");
  require_tensor(lse, DType::f32, {shape[0], shape[1]}, "attention_backward", "lse");
  require_tensor(dqkv, DType::f32, qkv.shape(), "attention_backward", "dqkv");
  require_apart(qkv, dqkv, "attention_backward", "qkv and dqkv");
  require_apart(dout, dqkv, "attention_backward", "dout and dqkv");
  require_apart(out, dqkv, "attention_backward", "out and dqkv");
}

/// One item is a segment's key and value head with the query heads of its group: nobody else adds
/// to those keys and values.
void attention_backward(Exec& ex, const AttentionBackward& a) {
  const Scope scope("attention_backward");
  a.validate();
  count_flop(ex, a.first, a.query_heads, a.qkv.extent(2), 4);
  const std::int64_t tokens = a.qkv.extent(0);
  const std::int64_t width = a.qkv.extent(2);
  const std::int64_t work_size = cpu::attention_backward_work(width);
  const auto mark = ex.scratch.mark();
  const View work = ex.scratch.take(DType::f32, {ex.threads, work_size}, "attention.tiles");
  const View segments = ex.scratch.take(DType::i32, {tokens + 1}, "attention.cuts");
  if (ex.measuring()) return;
  require_causal(a.first, "attention_backward");
  const std::int32_t* starts = segments.ptr<std::int32_t>();
  const std::int64_t count = find_segments(a.first, segments.ptr<std::int32_t>());
  const cpu::AttentionCall call = call_of(a.qkv, a.first, {a.query_heads, a.kv_heads}, a.scale);
  const cpu::AttentionGradients gradients{.dout = a.dout.ptr<const float>(),
                                          .out = a.out.ptr<const float>(),
                                          .lse = a.lse.ptr<const float>(),
                                          .dqkv = a.dqkv.ptr<float>()};
  const std::int64_t row = a.qkv.shape().row_count();
  const std::int64_t group_heads = call.query_heads / call.kv_heads;
  float* room = work.ptr<float>();
  deal(ex, count * call.kv_heads, [&](std::int64_t item, std::int64_t thread) {
    const std::int64_t group = item % call.kv_heads;
    const std::int64_t begin = starts[item / call.kv_heads];
    const std::int64_t end = starts[item / call.kv_heads + 1];
    for (std::int64_t t = begin; t < end; ++t) {
      float* key = gradients.dqkv + t * row + (call.query_heads + group) * width;
      std::fill(key, key + width, 0.0F);
      std::fill(key + call.kv_heads * width, key + (call.kv_heads + 1) * width, 0.0F);
    }
    for (std::int64_t h = group * group_heads; h < (group + 1) * group_heads; ++h) {
      for (std::int64_t t = begin; t < end; t += cpu::query_tile) {
        cpu::attention_tile_backward(
            call, {.head = h, .begin = t, .end = std::min(t + cpu::query_tile, end)}, gradients,
            room + thread * work_size);
      }
    }
  });
}

}  // namespace mneme
