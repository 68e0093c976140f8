#include "kernels/memory/row_sums.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/math.h"
#include "support/gradient_check.h"
#include "support/op_check.h"

namespace mneme::test {
namespace {

struct Case {
  std::int64_t rows, capacity, width;
  std::vector<std::pair<std::int64_t, std::int64_t>> layers;  // (n, J)
  std::int64_t chunk;
  double skew;  // rows are R * u^skew
};

/// The tensors of pool_accumulate in an OpCheck; sums start empty.
struct Accumulation {
  OpCheck check{"pool_accumulate"};
  std::vector<OpCheck::Slot> rows, weights, dout;
  OpCheck::Slot slot_of_row, row_of_slot, sums;
  std::int64_t count = 0;

  explicit Accumulation(const Case& c) {
    const Philox random(7, "test/rows");
    std::uint64_t drawn = 0;
    for (const auto& [n, j] : c.layers) {
      std::vector<std::int32_t> r(size_of(n * j));
      for (auto& row : r) {
        row = static_cast<std::int32_t>(std::pow(random.uniform(0, drawn++), c.skew) *
                                        static_cast<double>(c.rows));
      }
      rows.push_back(check.in("rows", {n, j}, r));
      weights.push_back(check.in("weights", DType::f32, {n, j}, -1, 1));
      dout.push_back(check.in("dout", DType::f32, {n, c.width}, -1, 1));
    }
    slot_of_row =
        check.inout("slot_of_row", {c.rows}, std::vector<std::int32_t>(size_of(c.rows), -1));
    row_of_slot = check.inout("row_of_slot", {c.capacity},
                              std::vector<std::int32_t>(size_of(c.capacity), -7));
    sums = check.inout("sums", {c.capacity, c.width},
                       std::vector<float>(size_of(c.capacity * c.width), 99));
  }
  RowSums into() { return {check.mut(slot_of_row), check.mut(row_of_slot), check.mut(sums), 0}; }
  std::vector<PoolReads> reads() {
    std::vector<PoolReads> all;
    for (std::size_t l = 0; l < rows.size(); ++l) {
      all.push_back({check.get(rows[l]), check.get(weights[l]), check.get(dout[l])});
    }
    return all;
  }
  void run(std::int64_t chunk) {
    check.run([&](Exec& ex) {
      RowSums s = into();
      const auto all = reads();
      pool_accumulate(ex, {.reads = all, .into = &s, .chunk_contributions = chunk});
      count = s.count;
    });
  }
  /// Row -> sum, by a plain loop in the order of the contract, in type T.
  template <class T>
  std::map<std::int64_t, std::vector<T>> plain(std::int64_t width) const {
    std::map<std::int64_t, std::vector<T>> all;
    for (std::size_t l = 0; l < rows.size(); ++l) {
      const Values r = check.initial(rows[l]), w = check.initial(weights[l]),
                   d = check.initial(dout[l]);
      const std::size_t reads_per_token = d.empty() ? 1 : r.size() * size_of(width) / d.size();
      for (std::size_t i = 0; i < r.size(); ++i) {
        auto& sum = all[static_cast<std::int64_t>(r[i])];
        sum.resize(size_of(width));
        for (std::size_t c = 0; c < size_of(width); ++c) {
          sum[c] += static_cast<T>(w[i] * d[i / reads_per_token * size_of(width) + c]);
        }
      }
    }
    return all;
  }
};

class PoolAccumulateTest : public testing::TestWithParam<Case> {};

TEST_P(PoolAccumulateTest, AgreesWithPlainLoop) {
  const Case& c = GetParam();
  Accumulation a(c);
  a.run(c.chunk);
  const auto wanted = a.plain<double>(c.width);
  ASSERT_EQ(a.count, static_cast<std::int64_t>(wanted.size()));
  const Values slot_of_row = a.check.result(a.slot_of_row),
               row_of_slot = a.check.result(a.row_of_slot);
  Values want_slots(size_of(c.rows), -1), want_sums(size_of(c.capacity * c.width), 99);
  for (std::size_t slot = 0; slot < size_of(a.count); ++slot) {
    const auto row = static_cast<std::int64_t>(row_of_slot[slot]);
    ASSERT_EQ(wanted.count(row), 1U);
    want_slots[size_of(row)] = static_cast<double>(slot);
    std::copy(wanted.at(row).begin(), wanted.at(row).end(),
              want_sums.begin() + static_cast<std::ptrdiff_t>(slot * size_of(c.width)));
  }
  EXPECT_EQ(slot_of_row, want_slots);
  std::int64_t longest = 0;
  for (const auto& [n, j] : c.layers) longest += n * j;
  a.check.expect(a.sums, want_sums, tolerance(DType::f32, std::min<std::int64_t>(longest, 2000)));
}

TEST_P(PoolAccumulateTest, SumsDoNotDependOnTheChunks) {
  const Case& c = GetParam();
  Accumulation whole(c), cut(c);
  whole.run(std::int64_t{1} << 22);
  cut.run(c.chunk);
  ASSERT_EQ(whole.count, cut.count);
  const Values rows = whole.check.result(whole.row_of_slot);
  const Values sums = whole.check.result(whole.sums), other = cut.check.result(cut.sums);
  const Values slots = cut.check.result(cut.slot_of_row);
  // Slots of one chunk ascend with the rows.
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.begin() + whole.count));
  for (std::int64_t slot = 0; slot < whole.count; ++slot) {
    const auto there =
        static_cast<std::int64_t>(slots[size_of(static_cast<std::int64_t>(rows[size_of(slot)]))]);
    for (std::int64_t i = 0; i < c.width; ++i) {
      ASSERT_EQ(sums[size_of(slot * c.width + i)], other[size_of(there * c.width + i)]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases,
    PoolAccumulateTest,
    testing::Values(Case{1, 1, 3, {{4, 2}}, 3, 1},                            // one row
                    Case{100, 100, 5, {{30, 7}}, 20, 1},                      //
                    Case{100, 100, 33, {{0, 4}, {17, 4}, {9, 12}}, 25, 1},    // layers of two kinds
                    Case{70000, 6000, 8, {{300, 8}, {300, 8}}, 1000, 1},      // sparse
                    Case{4096, 4096, 16, {{1000, 32}, {1000, 32}}, 9000, 3},  // skewed
                    Case{3000, 3000, 768, {{40, 64}}, 1 << 20, 1},
                    Case{400000, 3000, 4, {{100, 30}}, 1 << 20, 1}));

/// METHOD's regression 8: a backward whose sums depend on the order of atomics.
TEST(PoolAccumulate, SumsOfOneRowAreTakenInTheOrderOfTokens) {
  const std::vector<float> big = {1e8F, 1, -1e8F, 1};  // any other order gives another sum
  Case c{10, 2, 1, {}, 1 << 20, 1};
  Accumulation a(c);
  const auto rows = a.check.in("rows", {4, 1}, std::vector<std::int32_t>{3, 3, 3, 3});
  const auto weights = a.check.in("weights", {4, 1}, std::vector<float>{1, 1, 1, 1});
  const auto dout = a.check.in("dout", {4, 1}, big);
  for (const std::int64_t chunk : {1, 2, 3, 100}) {
    a.check.run([&](Exec& ex) {
      RowSums s = a.into();
      const std::vector<PoolReads> reads = {
          {a.check.get(rows), a.check.get(weights), a.check.get(dout)}};
      pool_accumulate(ex, {.reads = reads, .into = &s, .chunk_contributions = chunk});
    });
    EXPECT_EQ(a.check.result(a.sums)[0], 1.0) << chunk;
  }
}

/// METHOD's regression 9: a dense R x W gradient for a handful of touched rows.
TEST(PoolAccumulate, MemoryFollowsTheTouchedRowsAndChunksNotThePool) {
  const std::int64_t pool = std::int64_t{1} << 30, capacity = 4096, w = 1024;
  const auto no_memory = [](DType type, const Shape& s) {
    return View(nullptr, type, s, cpu_device);
  };
  RowSums s{no_memory(DType::i32, {pool}), no_memory(DType::i32, {capacity}),
            no_memory(DType::f32, {capacity, w}), 0};
  const std::vector<PoolReads> reads = {{no_memory(DType::i32, {1 << 20, 128}),
                                         no_memory(DType::f32, {1 << 20, 128}),
                                         no_memory(DType::f32, {1 << 20, w})}};
  Arena measured = Arena::measuring("scratch");
  Exec ex{cpu_device, measured, 2};
  pool_accumulate(ex, {.reads = reads, .into = &s, .chunk_contributions = 1 << 16});
  EXPECT_GE(measured.peak(), std::size_t{2} * 8 * (1 << 16));
  EXPECT_LE(measured.peak(), std::size_t{2} << 20);
}

TEST(PoolAccumulate, ContinuesSumsOfEarlierMicroBatches) {
  Case both{500, 500, 6, {{50, 8}, {60, 8}}, 1 << 20, 1};
  Accumulation once(both);
  once.run(1 << 20);
  Accumulation twice(both);
  twice.check.run([&](Exec& ex) {
    RowSums s = twice.into();
    const auto reads = twice.reads();
    pool_accumulate(ex, {.reads = std::span(reads).first(1), .into = &s});
    pool_accumulate(ex, {.reads = std::span(reads).last(1), .into = &s});
    twice.count = s.count;
  });
  ASSERT_EQ(once.count, twice.count);
  const Values a = once.check.result(once.sums), b = twice.check.result(twice.sums);
  const Values slots = twice.check.result(twice.slot_of_row),
               rows = once.check.result(once.row_of_slot);
  for (std::int64_t slot = 0; slot < once.count; ++slot) {
    const auto other =
        static_cast<std::int64_t>(slots[size_of(static_cast<std::int64_t>(rows[size_of(slot)]))]);
    for (std::int64_t i = 0; i < 6; ++i)
      EXPECT_EQ(a[size_of(slot * 6 + i)], b[size_of(other * 6 + i)]);
  }
}

TEST(PoolAccumulate, RefusesMoreRowsThanThereIsRoomFor) {
  Case c{100, 5, 4, {{10, 4}}, 1 << 20, 1};
  Accumulation a(c);
  Arena scratch("scratch", 1 << 22, cpu_device);
  Exec ex{cpu_device, scratch, 2};
  RowSums s = a.into();
  std::fill_n(s.slot_of_row.ptr<std::int32_t>(), 100, -1);
  std::vector<std::int32_t> rows(40);
  for (int i = 0; i < 40; ++i) rows[size_of(std::int64_t{i})] = i;
  const std::vector<float> zeros(40);
  const std::vector<PoolReads> reads = {{view_of(std::span<const std::int32_t>(rows), {10, 4}),
                                         view_of(std::span<const float>(zeros), {10, 4}),
                                         view_of(std::span<const float>(zeros), {10, 4})}};
  try {
    pool_accumulate(ex, {.reads = reads, .into = &s});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::bug);
    EXPECT_STREQ(e.what(),
                 "pool_accumulate: 40 rows were touched, but there is room for the sums of 5 only");
  }
}

TEST(RowSums, ClearForgetsTheTouchedRowsOnly) {
  OpCheck check("row_sums_clear");
  const auto slot_of_row =
      check.inout("slot_of_row", {6}, std::vector<std::int32_t>{-1, 1, -1, 0, 5, -1});
  const auto row_of_slot = check.in("row_of_slot", {3}, std::vector<std::int32_t>{3, 1, 4});
  const auto sums = check.in("sums", DType::f32, {3, 2}, 0, 1);
  check.run([&](Exec& ex) {
    RowSums s{check.mut(slot_of_row), check.mut(row_of_slot), check.mut(sums), 2};
    row_sums_clear(ex, s);
    EXPECT_EQ(s.count, 0);
  });
  EXPECT_EQ(check.result(slot_of_row), Values({-1, -1, -1, -1, 5, -1}));
}

TEST(RowSums, SquaresAreThoseOfTheSlotsInUse) {
  for (const std::int64_t w : {1, 5, 64, 100}) {
    const std::int64_t capacity = 1500, count = 1300;
    OpCheck check("row_sums_squares");
    const auto slot_of_row = check.in("slot_of_row", DType::i32, {2000}, -1, 0);
    const auto row_of_slot = check.in("row_of_slot", DType::i32, {capacity}, 0, 2000);
    const auto sums = check.in("sums", DType::f32, {capacity, w}, -1, 1);
    const auto result = check.out("result", DType::f64, {1});
    check.run([&](Exec& ex) {
      const RowSums s{check.mut(slot_of_row), check.mut(row_of_slot), check.mut(sums), count};
      const double sum = row_sums_squares(ex, s);
      if (!ex.measuring()) *check.mut(result).ptr<double>() = sum;
    });
    double wanted = 0;
    const Values x = check.initial(sums);
    for (std::size_t i = 0; i < size_of(count * w); ++i) wanted += x[i] * x[i];
    check.expect(result, {wanted},
                 {.relative = unit_roundoff(DType::f64) * static_cast<double>(count * w)});
  }
}

TEST(CountReads, CountsEachHeadInItsRange) {
  const std::int64_t n = 40, h = 3, k = 5, first = 10, last = 30;
  OpCheck check("count_reads");
  const auto rows = check.in("rows", DType::i32, {n, h, k}, 0, 50);
  const auto counts = check.inout("counts", DType::i32, {h, last - first}, 0, 9);
  check.run([&](Exec& ex) {
    count_reads(ex, {.rows = check.get(rows), .counts = check.mut(counts), .first = first});
  });
  Values wanted = check.initial(counts);
  const Values r = check.initial(rows);
  for (std::int64_t i = 0; i < n * h * k; ++i) {
    const auto row = static_cast<std::int64_t>(r[size_of(i)]);
    if (row >= first && row < last) wanted[size_of(i / k % h * (last - first) + row - first)] += 1;
  }
  EXPECT_EQ(check.result(counts), wanted);
}

}  // namespace
}  // namespace mneme::test
