#include "kernels/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/gradient_check.h"
#include "support/op_check.h"

namespace mneme::test {
namespace {

/// Documents of the given lengths, one after the other; the window cuts what a token looks back.
struct AttentionCase {
  std::vector<std::int32_t> documents;
  int query_heads, kv_heads;
  std::int64_t width;
  std::int32_t window = 1 << 30;

  std::int64_t tokens() const {
    std::int64_t n = 0;
    for (const std::int32_t d : documents) n += d;
    return n;
  }
  std::vector<std::int32_t> first() const {
    std::vector<std::int32_t> all;
    for (const std::int32_t d : documents) {
      const auto start = static_cast<std::int32_t>(all.size());
      for (std::int32_t i = 0; i < d; ++i) all.push_back(start + std::max(0, i - window));
    }
    return all;
  }
  float scale() const { return 1 / std::sqrt(static_cast<float>(width)); }
};

struct PlainAttention {
  Values out, lse;
};

PlainAttention plain_attention(const AttentionCase& c, const Values& qkv) {
  const std::size_t width = size_of(c.width);
  const auto query_heads = static_cast<std::size_t>(c.query_heads);
  const auto kv_heads = static_cast<std::size_t>(c.kv_heads);
  const std::size_t row = (query_heads + 2 * kv_heads) * width;
  const auto first = c.first();
  PlainAttention p;
  for (std::size_t t = 0; t < first.size(); ++t) {
    for (std::size_t h = 0; h < query_heads; ++h) {
      const std::size_t group = h / (query_heads / kv_heads);
      const double* q = &qkv[t * row + h * width];
      Values weight;
      double sum = 0;
      for (auto s = static_cast<std::size_t>(first[t]); s <= t; ++s) {
        const double* k = &qkv[s * row + (query_heads + group) * width];
        const double score =
            static_cast<double>(c.scale()) * std::inner_product(q, q + width, k, 0.0);
        weight.push_back(std::exp(score));
        sum += weight.back();
      }
      p.lse.push_back(std::log(sum));
      for (std::size_t i = 0; i < width; ++i) {
        double o = 0;
        for (std::size_t j = 0; j < weight.size(); ++j) {
          const std::size_t s = static_cast<std::size_t>(first[t]) + j;
          o += weight[j] / sum * qkv[s * row + (query_heads + kv_heads + group) * width + i];
        }
        p.out.push_back(o);
      }
    }
  }
  return p;
}

std::vector<AttentionCase> attention_cases() {
  return {{{1}, 1, 1, 1},
          {{5}, 2, 1, 2},
          {{40}, 2, 2, 16},
          {{33, 1, 2, 64, 31}, 4, 2, 16},
          {{130}, 1, 1, 5},
          {{200}, 2, 1, 32},
          {{70, 30}, 3, 3, 33},
          {{150}, 2, 2, 24, 20},
          {{100}, 2, 1, 64},
          {{66}, 1, 1, 128},
          {{20, 25, 17, 40, 11, 90}, 6, 2, 8}};
}

std::string attention_case_name(const testing::TestParamInfo<AttentionCase>& info) {
  return "T" + std::to_string(info.param.tokens()) + "_heads" +
         std::to_string(info.param.query_heads) + "_" + std::to_string(info.param.kv_heads) + "_w" +
         std::to_string(info.param.width);
}

class Attention : public testing::TestWithParam<AttentionCase> {
 protected:
  Shape qkv_shape() const {
    const AttentionCase& c = GetParam();
    return {c.tokens(), c.query_heads + 2 * c.kv_heads, c.width};
  }
};

TEST_P(Attention, ForwardAgreesWithPlainLoop) {
  const AttentionCase& c = GetParam();
  OpCheck check("attention_forward");
  const auto qkv = check.in("qkv", DType::f32, qkv_shape(), -2, 2);
  const auto first = check.in("first", {c.tokens()}, c.first());
  const auto out = check.out("out", DType::f32, {c.tokens(), c.query_heads, c.width});
  const auto lse = check.out("lse", DType::f32, {c.tokens(), c.query_heads});
  check.run([&](Exec& ex) {
    attention_forward(ex, {.qkv = check.get(qkv),
                           .first = check.get(first),
                           .out = check.mut(out),
                           .lse = check.mut(lse),
                           .query_heads = c.query_heads,
                           .kv_heads = c.kv_heads,
                           .scale = c.scale()});
  });
  const PlainAttention plain = plain_attention(c, check.initial(qkv));
  // a score is a sum of w products below 4*scale; its error moves p by as much, relatively
  const double term = 4 * static_cast<double>(c.scale());
  check.expect(out, plain.out, tolerance(DType::f32, c.width + 16, 2 * term + 2));
  check.expect(lse, plain.lse, tolerance(DType::f32, c.width + 16, term + 1));
}

TEST_P(Attention, BackwardAgreesWithFiniteDifferences) {
  const AttentionCase& c = GetParam();
  OpCheck check("attention_backward");
  const auto qkv = check.in("qkv", DType::f32, qkv_shape(), -2, 2);
  const PlainAttention plain = plain_attention(c, check.initial(qkv));
  const Shape out_shape{c.tokens(), c.query_heads, c.width};
  const auto out =
      check.in("out", out_shape, std::vector<float>(plain.out.begin(), plain.out.end()));
  const auto lse = check.in("lse", {c.tokens(), c.query_heads},
                            std::vector<float>(plain.lse.begin(), plain.lse.end()));
  const auto dout = check.in("dout", DType::f32, out_shape, -1, 1);
  const auto first = check.in("first", {c.tokens()}, c.first());
  const auto dqkv = check.out("dqkv", DType::f32, qkv_shape());
  check.run([&](Exec& ex) {
    attention_backward(ex, {.dout = check.get(dout),
                            .qkv = check.get(qkv),
                            .first = check.get(first),
                            .out = check.get(out),
                            .lse = check.get(lse),
                            .dqkv = check.mut(dqkv),
                            .query_heads = c.query_heads,
                            .kv_heads = c.kv_heads,
                            .scale = c.scale()});
  });
  const auto f = [&](const Values& x) { return plain_attention(c, x).out; };
  const Values x = check.initial(qkv), g = check.initial(dout);
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const Values v = random_direction(x.size(), seed, "attention");
    check.expect_along(dqkv, v, directional_difference(f, x, v, g),
                       tolerance(DType::f32, qkv_shape().count(), 2));
  }
  // A single token's query, key and value one at a time: nothing of it may hide in a sum.
  const std::size_t row = size_of(qkv_shape().row_count());
  for (const std::size_t token : {std::size_t{0}, x.size() / row / 2, x.size() / row - 1}) {
    for (std::size_t part = 0; part < size_of(qkv_shape()[1]); ++part) {
      Values v(x.size());
      const Values some = random_direction(size_of(c.width), part, "attention part");
      std::copy(some.begin(), some.end(),
                v.begin() + static_cast<std::ptrdiff_t>(token * row + part * size_of(c.width)));
      check.expect_along(dqkv, v, directional_difference(f, x, v, g),
                         tolerance(DType::f32, c.tokens() + c.width, 2));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases,
                         Attention,
                         testing::ValuesIn(attention_cases()),
                         attention_case_name);

/// A document gives the same bits wherever it stands in the batch.
TEST(Attention, DocumentsDoNotNoticeTheirNeighbours) {
  constexpr std::int64_t width = 16, tokens = 77, before = 45;
  std::vector<float> values;
  for (const double v : random_direction(size_of(tokens * 3 * width), 3, "document")) {
    values.push_back(static_cast<float>(v));
  }
  Values results[2];
  for (const bool is_second : {false, true}) {
    std::vector<float> all(is_second ? size_of(before * 3 * width) : 0, NAN);
    all.insert(all.end(), values.begin(), values.end());
    const AttentionCase c{
        is_second ? std::vector<std::int32_t>{before, tokens} : std::vector<std::int32_t>{tokens},
        1, 1, width};
    OpCheck check("attention_forward");
    const auto qkv = check.in("qkv", {c.tokens(), 3, width}, all);
    const auto first = check.in("first", {c.tokens()}, c.first());
    const auto out = check.out("out", DType::f32, {c.tokens(), 1, width});
    const auto lse = check.out("lse", DType::f32, {c.tokens(), 1});
    check.run([&](Exec& ex) {
      attention_forward(ex, {.qkv = check.get(qkv),
                             .first = check.get(first),
                             .out = check.mut(out),
                             .lse = check.mut(lse),
                             .query_heads = 1,
                             .kv_heads = 1,
                             .scale = c.scale()});
    });
    const Values found = check.result(out);
    results[is_second ? 1 : 0] =
        Values(found.end() - static_cast<std::ptrdiff_t>(tokens * width), found.end());
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Attention, LargeScoresDoNotOverflow) {
  OpCheck check("attention_forward");
  // one head of width 1; scores q*k: 1e4*1e4 for the second key, -1e8 for the third
  const auto qkv =
      check.in("qkv", {3, 3, 1}, std::vector<float>{1, 1, 5, 1e4F, 1e4F, 6, 1e4F, -1e4F, 7});
  const auto first = check.in("first", {3}, std::vector<std::int32_t>{0, 0, 0});
  const auto out = check.out("out", DType::f32, {3, 1, 1});
  const auto lse = check.out("lse", DType::f32, {3, 1});
  check.run([&](Exec& ex) {
    attention_forward(ex, {.qkv = check.get(qkv),
                           .first = check.get(first),
                           .out = check.mut(out),
                           .lse = check.mut(lse),
                           .query_heads = 1,
                           .kv_heads = 1,
                           .scale = 1});
  });
  check.expect(out, {5, 6, 6}, tolerance(DType::f32, 1));
  check.expect(lse, {1, 1e8, 1e8}, tolerance(DType::f32, 1));
}

TEST(Attention, RefusesTokensThatLookAhead) {
  OpCheck check("attention_forward");
  const auto qkv = check.inout("qkv", DType::f32, {2, 3, 4}, -1, 1);
  const auto out = check.inout("out", DType::f32, {2, 1, 4}, 0, 1);
  const auto lse = check.inout("lse", DType::f32, {2, 1}, 0, 1);
  Arena scratch("scratch", 1 << 20, cpu_device);
  Exec ex{cpu_device, scratch, 1};
  for (const auto& wrong : {std::vector<std::int32_t>{0, 2}, {1, 1}, {0, -1}}) {
    EXPECT_THROW(attention_forward(ex, {.qkv = check.get(qkv),
                                        .first = view_of(std::span<const std::int32_t>(wrong), {2}),
                                        .out = check.mut(out),
                                        .lse = check.mut(lse),
                                        .query_heads = 1,
                                        .kv_heads = 1,
                                        .scale = 1}),
                 Error);
  }
}

/// The cached path equals the last token of the uncached one.
TEST(AttentionCached, AgreesWithPlainLoop) {
  constexpr std::int64_t caches = 3, capacity = 90, kv_heads = 2, query_heads = 4;
  for (const std::int64_t width : {1, 16, 33}) {
    const std::vector<std::int32_t> cache_of{2, 0, 0, 1, 2}, length{1, 90, 17, 64, 33};
    const auto n = static_cast<std::int64_t>(length.size());
    OpCheck check("attention_cached");
    const auto q = check.in("q", DType::f32, {n, query_heads, width}, -2, 2);
    const auto k = check.in("keys", DType::f32, {caches, capacity, kv_heads, width}, -2, 2);
    const auto v = check.in("values", DType::f32, {caches, capacity, kv_heads, width}, -2, 2);
    const auto c = check.in("cache_of", {n}, cache_of);
    const auto l = check.in("length", {n}, length);
    const auto out = check.out("out", DType::f32, {n, query_heads, width});
    const float scale = 1 / std::sqrt(static_cast<float>(width));
    check.run([&](Exec& ex) {
      attention_cached(ex, {.q = check.get(q),
                            .keys = check.get(k),
                            .values = check.get(v),
                            .cache_of = check.get(c),
                            .length = check.get(l),
                            .out = check.mut(out),
                            .scale = scale});
    });
    const Values q0 = check.initial(q), k0 = check.initial(k), v0 = check.initial(v);
    Values wanted;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t cache = cache_of[size_of(i)];
      for (std::int64_t h = 0; h < query_heads; ++h) {
        const auto at = [&](std::int64_t s, std::int64_t x) {
          return size_of(((cache * capacity + s) * kv_heads + h / 2) * width + x);
        };
        Values weight;
        double sum = 0;
        for (std::int64_t s = 0; s < length[size_of(i)]; ++s) {
          double score = 0;
          for (std::int64_t x = 0; x < width; ++x) {
            score += q0[size_of((i * query_heads + h) * width + x)] * k0[at(s, x)];
          }
          weight.push_back(std::exp(static_cast<double>(scale) * score));
          sum += weight.back();
        }
        for (std::int64_t x = 0; x < width; ++x) {
          double o = 0;
          for (std::size_t s = 0; s < weight.size(); ++s) {
            o += weight[s] / sum * v0[at(static_cast<std::int64_t>(s), x)];
          }
          wanted.push_back(o);
        }
      }
    }
    check.expect(out, wanted,
                 tolerance(DType::f32, width + 16, 8 * static_cast<double>(scale) + 2));
  }
}

}  // namespace
}  // namespace mneme::test
