#include "kernels/memory/key_scorer.h"

#include <algorithm>

#include "kernels/parallel.h"

namespace mneme::cpu {
namespace {

/// Codes of a tile that stay in a core's second-level cache beside a panel of keys.
constexpr std::int64_t codes_per_tile = std::int64_t{1} << 16;

}  // namespace

KeyScorer::KeyScorer(Exec& ex, std::int64_t lists, std::int64_t count, std::int64_t width)
    : count_(count),
      width_(width),
      padded_(padded_keys(count)),
      tile_(std::clamp<std::int64_t>(codes_per_tile / padded_, 8, 64)) {
  const View packed = ex.scratch.take(DType::f32, {lists, padded_, width}, "lookup.packed_keys");
  const View codes = ex.scratch.take(DType::i32, {ex.threads, tile_, padded_}, "lookup.codes");
  if (ex.measuring()) return;
  packed_ = packed.ptr<float>();
  codes_ = codes.ptr<std::int32_t>();
}

void KeyScorer::pack(const Exec& ex, std::int64_t first, std::int64_t lists, const float* keys) {
  const std::int64_t groups = padded_ / key_group;
  parallel_blocks(ex, lists * groups, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t list = i / groups;
      const std::int64_t key = i % groups * key_group;
      pack_keys(keys + list * count_ * width_, size_of(count_), size_of(key), size_of(width_),
                packed_ + ((first + list) * padded_ + key) * width_);
    }
  });
}

const std::int32_t* KeyScorer::score(const float* queries,
                                     std::int64_t stride,
                                     std::int64_t tokens,
                                     std::int64_t list,
                                     float scale,
                                     int thread) const {
  std::int32_t* codes = codes_ + thread * tile_ * padded_;
  score_codes({.queries = queries,
               .stride = size_of(stride),
               .tokens = size_of(tokens),
               .width = size_of(width_),
               .packed = packed_ + list * padded_ * width_,
               .count = size_of(count_),
               .padded = size_of(padded_),
               .scale = scale},
              codes);
  return codes;
}

Selection::Selection(Exec& ex, std::int64_t k) : slots_(SelectionWork::slots(k)) {
  const View memory =
      ex.scratch.take(DType::i32, {ex.threads, SelectionWork::arrays, slots_}, "lookup.selection");
  if (!ex.measuring()) memory_ = memory.ptr<std::int32_t>();
}

SelectionWork Selection::of(int thread) const {
  std::int32_t* mine = memory_ + thread * SelectionWork::arrays * slots_;
  return {mine, mine + slots_, mine + 2 * slots_, mine + 3 * slots_, mine + 4 * slots_};
}

}  // namespace mneme::cpu
