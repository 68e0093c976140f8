// Speed of the memory layer's ops: bytes of rows per second and their share ("of_roof") of a large
// copy's, FLOP/s of key scores and their share of a matrix product's; items are tokens, or rows.
//   mneme_memory_bench --benchmark_filter=pool_read
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kernels/memory/pk_lookup.h"
#include "kernels/memory/pool_read.h"
#include "kernels/memory/pool_update.h"
#include "kernels/memory/row_sums.h"

#include "tools/bench/bench.h"

namespace mneme::bench {
namespace {

/// How reads are spread over the rows.
enum class Spread { uniform, zipf };
const char* name_of(Spread s) {
  return s == Spread::uniform ? "uniform" : "zipf";
}

/// Row numbers of reads: uniform, or Zipf with exponent about 1 over shuffled rows.
View rows_of(Room& room, const Shape& shape, std::int64_t rows, Spread spread) {
  const Philox random(2, "bench/rows");
  return room.i32(shape, [=](std::int32_t i) {
    const double u = random.uniform(0, static_cast<std::uint64_t>(i));
    if (spread == Spread::uniform) return static_cast<std::int32_t>(u * static_cast<double>(rows));
    const auto rank = static_cast<std::int64_t>(std::pow(static_cast<double>(rows), u)) - 1;
    return static_cast<std::int32_t>(rank * 7919 % rows);
  });
}

struct PoolSize {
  std::int64_t rows, width;
  DType type;
};

View pool_values(Room& room, const PoolSize& p) {
  if (p.type == DType::f32) return room.f32({p.rows, p.width});
  const View v = room.take(DType::bf16, {p.rows, p.width});
  for (Bf16& x : v.span<Bf16>()) x = to_bf16(0.5F);
  return v;
}

constexpr std::int64_t tokens = 4096;
constexpr std::int64_t reads = 64;  // J

void add_reads(const Bench& bench, const PoolSize& p, Spread spread) {
  const std::string size =
      sizes({p.rows, p.width}) + "/" + std::string(enum_name(p.type)) + "/" + name_of(spread);
  const double bytes =
      static_cast<double>(tokens * reads * p.width) * static_cast<double>(size_of(p.type));
  bench.add("pool_read_forward" + size, [=](Room& room) {
    const PoolReadForward op{.values = pool_values(room, p),
                             .rows = rows_of(room, {tokens, reads}, p.rows, spread),
                             .weights = room.f32({tokens, reads}),
                             .out = room.f32({tokens, p.width})};
    return Prepared{{.bytes = bytes, .items = tokens},
                    [=, &room] { pool_read_forward(room.ex(), op); }};
  });
  bench.add("pool_read_backward" + size, [=](Room& room) {
    const PoolReadBackward op{.dout = room.f32({tokens, p.width}),
                              .values = pool_values(room, p),
                              .rows = rows_of(room, {tokens, reads}, p.rows, spread),
                              .dweights = room.f32({tokens, reads})};
    return Prepared{{.bytes = bytes, .items = tokens},
                    [=, &room] { pool_read_backward(room.ex(), op); }};
  });
}

RowSums empty_sums(Room& room, std::int64_t rows, std::int64_t capacity, std::int64_t width) {
  return {room.i32({rows}, [](std::int32_t) { return -1; }), room.take(DType::i32, {capacity}),
          room.take(DType::f32, {capacity, width}), 0};
}

/// Bytes: dout once per contribution, each touched sum written, and the cleared list.
void add_accumulate(const Bench& bench, std::int64_t rows, std::int64_t width, Spread spread) {
  bench.add("pool_accumulate" + sizes({rows, width}) + "/" + name_of(spread), [=](Room& room) {
    const std::int64_t capacity = std::min(rows, 3 * tokens * reads);
    auto sums = std::make_shared<RowSums>(empty_sums(room, rows, capacity, width));
    auto layers = std::make_shared<std::vector<PoolReads>>();
    for (int layer = 0; layer < 3; ++layer) {
      layers->push_back({rows_of(room, {tokens, reads}, rows, spread), room.f32({tokens, reads}),
                         room.f32({tokens, width})});
    }
    pool_accumulate(room.ex(), {.reads = *layers, .into = sums.get()});
    const double contributions = 3.0 * tokens * reads;
    const double bytes =
        4.0 * static_cast<double>(width) * (contributions + static_cast<double>(sums->count));
    row_sums_clear(room.ex(), *sums);
    return Prepared{{.bytes = bytes, .items = contributions}, [=, &room] {
                      pool_accumulate(room.ex(), {.reads = *layers, .into = sums.get()});
                      row_sums_clear(room.ex(), *sums);
                    }};
  });
}

struct UpdateRoom {
  PoolState state;
  RowSums sums;
  std::vector<double> lr, decay;
  UpdateRoom(
      Room& room, std::int64_t rows, std::int64_t width, std::int64_t touched, PoolUpdate mode)
      : state{.values = room.f32({rows, width}),
              .m = room.f32({rows, width}, 1e-4),
              .v = room.f32({rows, width})},
        sums(empty_sums(room, rows, touched, width)),
        lr(4001, 1e-3),
        decay(4001, 1.0) {
    for (float& x : state.v.span<float>()) x = 1e-8F;
    if (mode == PoolUpdate::exact) state.last = room.i32({rows}, [](std::int32_t) { return 0; });
    std::int32_t* slot_of_row = sums.slot_of_row.ptr<std::int32_t>();
    std::int32_t* row_of_slot = sums.row_of_slot.ptr<std::int32_t>();
    for (std::int64_t i = 0; i < touched; ++i) {  // ascending, spread over the pool
      const std::int64_t row = i * rows / touched;
      slot_of_row[row] = static_cast<std::int32_t>(i);
      row_of_slot[i] = static_cast<std::int32_t>(row);
    }
    std::fill_n(sums.sums.ptr<float>(), touched * width, 1e-4F);
    sums.count = touched;
  }
  PoolHistory history() const { return {.lr = lr, .decay = decay}; }
};

/// Bytes: values and moments read and written, the sum read.
void add_updates(const Bench& bench, std::int64_t rows, std::int64_t width) {
  for (const PoolUpdate mode : {PoolUpdate::dense, PoolUpdate::lazy, PoolUpdate::exact}) {
    const std::int64_t touched = rows / 4;
    bench.add(
        "pool_update" + sizes({rows, width}) + "/" + std::string(enum_name(mode)), [=](Room& room) {
          auto u = std::make_shared<UpdateRoom>(room, rows, width, touched, mode);
          const std::int64_t updated = mode == PoolUpdate::dense ? rows : touched;
          const double bytes = 4.0 * static_cast<double>(width * (6 * updated + touched));
          auto step = std::make_shared<std::int64_t>(0);
          return Prepared{{.bytes = bytes, .items = static_cast<double>(updated)}, [=, &room] {
                            *step = std::min<std::int64_t>(*step + 1, 4000);
                            if (mode == PoolUpdate::exact) {
                              std::ranges::fill(u->state.last.span<std::int32_t>(),
                                                static_cast<std::int32_t>(*step - 1));
                            }
                            pool_update(room.ex(), {.state = &u->state,
                                                    .sums = &u->sums,
                                                    .mode = mode,
                                                    .step = {.lr = 1e-3, .step = *step},
                                                    .history = u->history()});
                          }};
        });
  }
}

/// The replay's cost by gap: rows that lag by `gap` steps, moving (moments as after a step of
/// gradient 1e-4) or never read before (moments 0, as most rows of a large pool are at first).
void add_catch_up(const Bench& bench, std::int64_t gap, bool moving) {
  const std::int64_t rows = 1 << 18, width = 128, count = 1 << 16;
  bench.add(fmt::format("pool_catch_up{}/gap:{}/{}", sizes({rows, width}), gap,
                        moving ? "moving" : "still"),
            [=](Room& room) {
              auto u = std::make_shared<UpdateRoom>(room, rows, width, 1, PoolUpdate::exact);
              if (!moving) {
                std::ranges::fill(u->state.m.span<float>(), 0.0F);
                std::ranges::fill(u->state.v.span<float>(), 0.0F);
              }
              const View list = rows_of(room, {count}, rows, Spread::uniform);
              const std::vector<float> m(u->state.m.span<float>().begin(),
                                         u->state.m.span<float>().end());
              const auto reset = [=] {  // lag again, and move again
                for (const std::int32_t row : list.span<std::int32_t>()) {
                  u->state.last.ptr<std::int32_t>()[row] = static_cast<std::int32_t>(3000 - gap);
                  if (!moving) continue;
                  const std::int64_t first = std::int64_t{row} * width;
                  std::copy_n(m.data() + first, width, u->state.m.ptr<float>() + first);
                  std::fill_n(u->state.v.ptr<float>() + first, width, 1e-8F);
                }
              };
              return Prepared{
                  {.bytes = 4.0 * 6 * width * count, .items = count},
                  [=, &room] {
                    pool_catch_up(
                        room.ex(),
                        {.state = &u->state, .rows = list, .history = u->history(), .to = 3000});
                  },
                  reset};
            });
}

struct LookupSize {
  std::int64_t heads, keys, width, best;
};

void add_lookups(const Bench& bench, const LookupSize& s) {
  const Shape query{tokens, s.heads, s.width}, key{s.heads, s.keys, s.width},
      slots{tokens, s.heads, s.best};
  const std::string size = sizes({s.heads, s.keys, s.width, s.best});
  bench.add("pk_lookup_forward" + size, [=](Room& room) {
    const PkLookupForward op{.q1 = room.f32(query),
                             .q2 = room.f32(query),
                             .keys1 = room.f32(key),
                             .keys2 = room.f32(key),
                             .rows = room.take(DType::i32, slots),
                             .scores = room.take(DType::f32, slots)};
    return Prepared{
        {.flop = 4.0 * static_cast<double>(tokens * s.heads * s.keys * s.width), .items = tokens},
        [=, &room] { pk_lookup_forward(room.ex(), op); }};
  });
  bench.add("pk_lookup_backward" + size, [=](Room& room) {
    const PkLookupBackward op{.dscores = room.f32(slots),
                              .rows = rows_of(room, slots, s.keys * s.keys, Spread::uniform),
                              .q1 = room.f32(query),
                              .q2 = room.f32(query),
                              .keys1 = room.f32(key),
                              .keys2 = room.f32(key),
                              .dq1 = room.f32(query),
                              .dq2 = room.f32(query),
                              .dkeys1 = room.f32(key),
                              .dkeys2 = room.f32(key)};
    return Prepared{
        {.flop = 8.0 * static_cast<double>(tokens * s.heads * s.best * s.width), .items = tokens},
        [=, &room] { pk_lookup_backward(room.ex(), op); }};
  });
  bench.add("slot_softmax" + size, [=](Room& room) {
    const SlotSoftmaxForward op{.scores = room.f32(slots), .weights = room.f32(slots)};
    return Prepared{{.bytes = 8.0 * static_cast<double>(slots.count()), .items = tokens},
                    [=, &room] { slot_softmax_forward(room.ex(), op); }};
  });
}

void add_all(const Bench& bench) {
  for (const Spread spread : {Spread::uniform, Spread::zipf}) {
    add_reads(bench, {1 << 10, 128, DType::f32}, spread);  // in cache: arithmetic alone
    add_reads(bench, {1 << 20, 128, DType::f32}, spread);
    add_reads(bench, {1 << 18, 768, DType::f32}, spread);
    add_reads(bench, {1 << 18, 768, DType::bf16}, spread);
    add_accumulate(bench, 1 << 20, 128, spread);
    add_accumulate(bench, 1 << 18, 768, spread);
  }
  add_accumulate(bench, 1 << 14, 128, Spread::uniform);
  add_updates(bench, 1 << 20, 128);
  add_updates(bench, 1 << 17, 768);
  for (const std::int64_t gap : {1, 10, 100, 1000}) add_catch_up(bench, gap, true);
  add_catch_up(bench, 1000, false);
  add_lookups(bench, {4, 128, 32, 16});
  add_lookups(bench, {4, 1024, 192, 32});
}

}  // namespace
}  // namespace mneme::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const int threads : {1, 2}) {
    const mneme::bench::Roof roof = mneme::bench::measure_roof(threads);
    fmt::print("{} threads: {:.1f} GFLOP/s of a matrix product, {:.1f} GB/s of a copy\n", threads,
               roof.flop / 1e9, roof.bytes / 1e9);
    mneme::bench::add_all(mneme::bench::Bench(threads, roof));
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
