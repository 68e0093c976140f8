// Gradients of the dense modules against central differences of the same function in doubles.
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/swiglu_ffn.h"

#include "src/nn/module_check.h"

namespace mneme::test {
namespace {

TEST(ModuleGradients, Linear) {
  constexpr std::int64_t tokens = 5, in = 7, out = 6;
  ModuleCheck check({tokens, in}, {tokens, out});
  const Linear linear(check.scope(), {.in = in, .out = out, .init = Normal{1}, .bias = true});
  check.run(
      [&](ConstView x, View y, ConstView dy, View dx) {
        linear.forward(check.ex(), check.params, x, y);
        linear.backward(check.ex(), check.params, x, dy, dx);
      },
      [&](const Values& all) {
        const double* weight = all.data() + tokens * in;
        Values y = times_transposed(all.data(), weight, tokens, out, in);
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += weight[out * in + i % out];
        return y;
      },
      in);
}

TEST(ModuleGradients, LinearAddsToWhatIsThere) {
  constexpr std::int64_t tokens = 4, in = 3, out = 5;
  ModuleCheck check({tokens, in}, {tokens, out});
  const Linear linear(check.scope(), {.in = in, .out = out, .init = Normal{1}});
  check.run(
      [&](ConstView x, View y, ConstView dy, View dx) {
        linear.forward(check.ex(), check.params, x, y, true);
        linear.forward(check.ex(), check.params, x, y, true);  // y = 2 x W'
        linear.backward(check.ex(), check.params, x, dy, dx);
        linear.backward(check.ex(), check.params, x, dy, dx, true);
      },
      [&](const Values& all) {
        Values y = times_transposed(all.data(), all.data() + tokens * in, tokens, out, in);
        for (double& v : y) v *= 2;
        return y;
      },
      2 * in);
}

TEST(ModuleGradients, RmsNorm) {
  constexpr std::int64_t tokens = 5, channels = 9;
  ModuleCheck check({tokens, channels}, {tokens, channels});
  const RmsNorm norm(check.scope(), channels, 1e-5F);
  check.run(
      [&](ConstView x, View y, ConstView dy, View dx) {
        const View rstd = check.keep.take(DType::f32, {tokens}, "rstd");
        norm.forward(check.ex(), check.params, x, y, rstd);
        norm.backward(check.ex(), check.params, dy, x, rstd, dx, false);
      },
      [&](const Values& all) {
        Values y(size_of(tokens * channels));
        for (std::size_t t = 0; t < size_of(tokens); ++t) {
          double squares = 0;
          for (std::size_t c = 0; c < channels; ++c) squares += std::pow(all[t * channels + c], 2);
          for (std::size_t c = 0; c < channels; ++c) {
            y[t * channels + c] = all[t * channels + c] /
                                  std::sqrt(squares / channels + static_cast<double>(1e-5F)) *
                                  all[size_of(tokens * channels) + c];
          }
        }
        return y;
      },
      3 * channels);
}

TEST(ModuleGradients, SwiGlu) {
  constexpr std::int64_t tokens = 4, channels = 5, hidden = 6;
  ModuleCheck check({tokens, channels}, {tokens, channels});
  const SwiGluFfn ffn(check.scope(), channels, hidden);
  check.run(
      [&](ConstView x, View y, ConstView dy, View dx) {
        const auto saved = ffn.forward(check.ex(), check.params, x, y, check.keep);
        ffn.backward(check.ex(), check.params, saved, dy, dx);
      },
      [&](const Values& all) {
        const double* w1 = all.data() + tokens * channels;
        const double* w3 = w1 + hidden * channels;
        const double* w2 = w3 + hidden * channels;
        Values u = times_transposed(all.data(), w1, tokens, hidden, channels);
        const Values v = times_transposed(all.data(), w3, tokens, hidden, channels);
        for (std::size_t i = 0; i < u.size(); ++i) u[i] = u[i] / (1 + std::exp(-u[i])) * v[i];
        return times_transposed(u.data(), w2, tokens, channels, hidden);
      },
      4 * (channels + hidden));
}

/// Two documents: positions start again, and nobody looks behind the start.
struct PlainAttention {
  AttentionShape shape;
  std::vector<std::int32_t> positions{0, 1, 2, 0, 1, 2, 3};
  std::vector<std::int32_t> first{0, 0, 0, 3, 3, 3, 3};

  std::int64_t tokens() const { return std::ssize(positions); }
  /// Turns head `head` of qkv (T, heads, w) by each token's position.
  void turn(Values& qkv, std::int64_t head) const {
    const std::int64_t w = shape.head_width;
    for (std::int64_t t = 0; t < tokens(); ++t) {
      double* x = &qkv[size_of((t * shape.qkv_heads() + head) * w)];
      for (std::int64_t i = 0; i < w / 2; ++i) {
        const double angle =
            positions[size_of(t)] *
            std::pow(shape.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(w));
        const double a = x[i];
        const double b = x[i + w / 2];
        x[i] = a * std::cos(angle) - b * std::sin(angle);
        x[i + w / 2] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
  }
  /// What token t reads with query head h.
  Values read(const Values& qkv, std::int64_t t, std::int64_t h) const {
    const std::int64_t w = shape.head_width;
    const auto at = [&](std::int64_t token, std::int64_t head) {
      return &qkv[size_of((token * shape.qkv_heads() + head) * w)];
    };
    const std::int64_t kv = h / (shape.heads / shape.kv_heads);
    Values out(size_of(w), 0.0);
    double sum = 0;
    for (std::int64_t s = first[size_of(t)]; s <= t; ++s) {
      double score = 0;
      for (std::int64_t i = 0; i < w; ++i) score += at(t, h)[i] * at(s, shape.heads + kv)[i];
      const double p = std::exp(score / std::sqrt(static_cast<double>(w)));
      sum += p;
      for (std::int64_t i = 0; i < w; ++i)
        out[size_of(i)] += p * at(s, shape.heads + shape.kv_heads + kv)[i];
    }
    for (double& x : out) x /= sum;
    return out;
  }
  Values operator()(const Values& all) const {
    const std::int64_t wide = shape.qkv_heads() * shape.head_width;
    const double* qkv_weight = all.data() + tokens() * shape.channels;
    Values qkv = times_transposed(all.data(), qkv_weight, tokens(), wide, shape.channels);
    for (std::int64_t h = 0; h < shape.heads + shape.kv_heads; ++h) turn(qkv, h);
    Values out;
    for (std::int64_t t = 0; t < tokens(); ++t) {
      for (std::int64_t h = 0; h < shape.heads; ++h) {
        const Values one = read(qkv, t, h);
        out.insert(out.end(), one.begin(), one.end());
      }
    }
    return times_transposed(out.data(), qkv_weight + wide * shape.channels, tokens(),
                            shape.channels, shape.heads * shape.head_width);
  }
};

TEST(ModuleGradients, Attention) {
  const PlainAttention plain{
      .shape = {.channels = 6, .heads = 4, .kv_heads = 2, .head_width = 4, .rope_theta = 100}};
  const Shape x{plain.tokens(), plain.shape.channels};
  ModuleCheck check(x, x);
  const Attention attention(check.scope(), plain.shape);
  const Pass pass{.positions = view_of(std::span<const std::int32_t>(plain.positions), {x[0]}),
                  .first = view_of(std::span<const std::int32_t>(plain.first), {x[0]})};
  check.run(
      [&](ConstView in, View h, ConstView dh, View dx) {
        const auto saved = attention.forward(check.ex(), check.params, pass, in, h, check.keep);
        attention.backward(check.ex(), check.params, pass, saved, dh, dx);
      },
      plain, 16 * plain.shape.channels);
}

}  // namespace
}  // namespace mneme::test
