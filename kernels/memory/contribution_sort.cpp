#include "kernels/memory/contribution_sort.h"

#include <algorithm>
#include <array>
#include <bit>

#include "kernels/parallel.h"

namespace mneme::cpu {
namespace {

constexpr unsigned max_bucket_bits = 11;
constexpr unsigned max_digit_bits = 10;
constexpr std::int64_t wanted_per_bucket = 1024;

Contribution* keys_of(const View& v) {
  return reinterpret_cast<Contribution*>(v.ptr<std::int64_t>());
}

/// Calls visit(row, position) for the reads of `tokens`, in order.
template <class F>
void for_reads(std::span<const LayerRows> layers,
               Range tokens,
               std::int64_t chunk_first,
               unsigned slot_bits,
               F&& visit) {
  for (const LayerRows& layer : layers) {
    const std::int64_t first = std::max(tokens.first, layer.first_token);
    const std::int64_t last = std::min(tokens.last, layer.first_token + layer.tokens);
    for (std::int64_t t = first; t < last; ++t) {
      const std::int32_t* rows = layer.rows + (t - layer.first_token) * layer.slots;
      const auto position = static_cast<std::uint64_t>(t - chunk_first) << slot_bits;
      for (std::int64_t j = 0; j < layer.slots; ++j) {
        visit(static_cast<std::uint32_t>(rows[j]), position | static_cast<std::uint64_t>(j));
      }
    }
  }
}

/// One stable counting pass on the digit at `shift` (bits of the whole key).
void counting_pass(
    const Contribution* from, Contribution* to, std::int64_t n, unsigned shift, unsigned bits) {
  std::array<std::int64_t, std::size_t{1} << max_digit_bits> next;
  const std::size_t digits = std::size_t{1} << bits;
  const Contribution mask = digits - 1;
  std::fill_n(next.begin(), digits, 0);
  for (std::int64_t i = 0; i < n; ++i) ++next[(from[i] >> shift) & mask];
  std::int64_t place = 0;
  for (std::size_t d = 0; d < digits; ++d) {
    const std::int64_t k = next[d];
    next[d] = place;
    place += k;
  }
  for (std::int64_t i = 0; i < n; ++i) to[next[(from[i] >> shift) & mask]++] = from[i];
}

}  // namespace

ContributionSort::ContributionSort(Exec& ex, std::int64_t contributions, std::int64_t rows)
    : row_bits_(static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(rows - 1)))) {
  const std::int64_t most = std::int64_t{1} << max_bucket_bits;
  keys_[0] = ex.scratch.take(DType::i64, {contributions}, "pool_accumulate.keys");
  keys_[1] = ex.scratch.take(DType::i64, {contributions}, "pool_accumulate.keys");
  places_ = ex.scratch.take(DType::i64, {ex.threads, most}, "pool_accumulate.places");
  starts_ = ex.scratch.take(DType::i64, {most + 1}, "pool_accumulate.starts");
  cuts_ = ex.scratch.take(DType::i64, {ex.threads + 1}, "pool_accumulate.cuts");
  if (!ex.measuring()) cuts = cuts_.span<std::int64_t>();
}

/// As many buckets as give each about wanted_per_bucket contributions; the remaining bits of the
/// row are sorted in equal digits.
void ContributionSort::choose_digits(std::int64_t n) {
  const auto wanted = static_cast<std::uint64_t>(ceil_div(n, wanted_per_bucket));
  const unsigned bits =
      std::min({static_cast<unsigned>(std::bit_width(wanted)), max_bucket_bits, row_bits_});
  bucket_shift_ = row_bits_ - bits;
  buckets_ = std::int64_t{1} << bits;
  passes_ = ceil_div(bucket_shift_, max_digit_bits);
  digit_bits_ = passes_ == 0 ? 0 : ceil_div(bucket_shift_, passes_);
}

/// Turns the counts in places_ (part, bucket) into first places, and fills starts_ and cuts.
void ContributionSort::place_buckets(int parts) {
  std::int64_t* places = places_.ptr<std::int64_t>();
  std::int64_t* starts = starts_.ptr<std::int64_t>();
  std::int64_t place = 0;
  for (std::int64_t b = 0; b < buckets_; ++b) {
    starts[b] = place;
    for (int p = 0; p < parts; ++p) {
      const std::int64_t n = places[p * buckets_ + b];
      places[p * buckets_ + b] = place;
      place += n;
    }
  }
  starts[buckets_] = place;
  count = place;
}

void ContributionSort::sort_bucket(std::int64_t bucket) {
  const std::int64_t* starts = starts_.ptr<const std::int64_t>();
  const std::int64_t first = starts[bucket];
  const std::int64_t n = starts[bucket + 1] - first;
  for (unsigned pass = 0; pass < passes_; ++pass) {
    counting_pass(keys_of(keys_[pass % 2]) + first, keys_of(keys_[(pass + 1) % 2]) + first, n,
                  32 + pass * digit_bits_, digit_bits_);
  }
}

void ContributionSort::run(const Exec& ex,
                           std::span<const LayerRows> layers,
                           Range chunk,
                           unsigned slot_bits) {
  const int parts = ex.threads;
  std::int64_t n = 0;
  for (const LayerRows& layer : layers) {
    const std::int64_t first = std::max(chunk.first, layer.first_token);
    const std::int64_t last = std::min(chunk.last, layer.first_token + layer.tokens);
    n += std::max<std::int64_t>(0, last - first) * layer.slots;
  }
  choose_digits(n);
  std::int64_t* places = places_.ptr<std::int64_t>();
  Contribution* scattered = keys_of(keys_[0]);
  const auto tokens_of = [&](std::int64_t part) {
    const Range r = block_of(chunk.count(), part, parts);
    return Range{chunk.first + r.first, chunk.first + r.last};
  };
  const unsigned shift = bucket_shift_;
  parallel_blocks(ex, parts, [&](std::int64_t part, std::int64_t, int) {
    std::int64_t* mine = places + part * buckets_;
    std::fill_n(mine, buckets_, 0);
    for_reads(layers, tokens_of(part), chunk.first, slot_bits,
              [&](std::uint64_t row, std::uint64_t) { ++mine[row >> shift]; });
  });
  place_buckets(parts);
  parallel_blocks(ex, parts, [&](std::int64_t part, std::int64_t, int) {
    std::int64_t* mine = places + part * buckets_;
    for_reads(layers, tokens_of(part), chunk.first, slot_bits,
              [&](std::uint64_t row, std::uint64_t position) {
                scattered[mine[row >> shift]++] = row << 32U | position;
              });
  });
  const std::int64_t* starts = starts_.ptr<const std::int64_t>();
  const auto first_bucket = [&](std::int64_t part) {
    return std::lower_bound(starts, starts + buckets_, part * count / parts) - starts;
  };
  parallel_blocks(ex, parts, [&](std::int64_t part, std::int64_t, int) {
    const std::int64_t last = part + 1 == parts ? buckets_ : first_bucket(part + 1);
    for (std::int64_t b = first_bucket(part); b < last; ++b) sort_bucket(b);
  });
  for (int p = 0; p < parts; ++p) cuts[size_of(p)] = starts[first_bucket(p)];
  cuts[size_of(parts)] = count;
  sorted = keys_of(keys_[passes_ % 2]);
}

}  // namespace mneme::cpu
