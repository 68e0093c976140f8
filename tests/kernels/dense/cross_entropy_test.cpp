#include "kernels/loss/cross_entropy.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "support/gradient_check.h"
#include "support/op_check.h"

namespace mneme::test {
namespace {

struct PlainCrossEntropy {
  Values loss, lse;
};

PlainCrossEntropy plain_loss(const Values& logits, const std::vector<std::int32_t>& targets) {
  const std::size_t vocabulary = logits.size() / targets.size();
  PlainCrossEntropy p;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    double sum = 0;
    for (std::size_t v = 0; v < vocabulary; ++v) sum += std::exp(logits[t * vocabulary + v]);
    const bool used = targets[t] >= 0;
    p.lse.push_back(used ? std::log(sum) : 0);
    p.loss.push_back(
        used ? std::log(sum) - logits[t * vocabulary + static_cast<std::size_t>(targets[t])] : 0);
  }
  return p;
}

std::vector<std::int32_t> some_targets(std::int64_t tokens, std::int64_t vocabulary) {
  std::vector<std::int32_t> all;
  for (std::int64_t t = 0; t < tokens; ++t) {
    all.push_back(t % 3 == 2 ? -1 : static_cast<std::int32_t>((t * 7) % vocabulary));
  }
  return all;
}

class CrossEntropyTest : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};

TEST_P(CrossEntropyTest, LossAndGradientAgreeWithPlainLoop) {
  const auto [tokens, vocabulary] = GetParam();
  const auto targets = some_targets(tokens, vocabulary);
  for (const float z_weight : {0.0F, 0.01F}) {
    for (const bool gradient : {false, true}) {
      OpCheck check("cross_entropy");
      const auto logits = check.inout("logits", DType::f32, {tokens, vocabulary}, -8, 8);
      const auto ids = check.in("targets", {tokens}, targets);
      const auto loss = check.out("loss", DType::f32, {tokens});
      const auto lse = check.out("lse", DType::f32, {tokens});
      const float scale = 0.125F;
      check.run([&](Exec& ex) {
        cross_entropy(ex, {.logits = check.mut(logits),
                           .targets = check.get(ids),
                           .loss = check.mut(loss),
                           .lse = check.mut(lse),
                           .scale = scale,
                           .z_weight = z_weight,
                           .gradient = gradient});
      });
      const Values x = check.initial(logits);
      const PlainCrossEntropy plain = plain_loss(x, targets);
      check.expect(loss, plain.loss, tolerance(DType::f32, 8, 8));
      check.expect(lse, plain.lse, tolerance(DType::f32, 8, 8));
      if (!gradient) {
        check.expect(logits, x, {});
        continue;
      }
      const auto total = [&](const Values& at) {
        const PlainCrossEntropy p = plain_loss(at, targets);
        double sum = 0;
        for (std::size_t t = 0; t < targets.size(); ++t) {
          sum += p.loss[t] + static_cast<double>(z_weight) * p.lse[t] * p.lse[t];
        }
        return Values{static_cast<double>(scale) * sum};
      };
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        const Values v = random_direction(x.size(), seed, "cross_entropy");
        check.expect_along(logits, v, directional_difference(total, x, v, {1}, 1e-4),
                           tolerance(DType::f32, 32 * tokens));
      }
      if (x.size() <= 300) {
        check.expect(logits, numeric_gradient(total, x, {1}, 1e-4), tolerance(DType::f32, 32));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         CrossEntropyTest,
                         testing::Combine(testing::Values(1, 4, 9),
                                          testing::Values(1, 2, 17, 33, 1000, 5003)));

TEST(CrossEntropy, LargeLogitsDoNotOverflowAndNanIsSeen) {
  const auto inf = INFINITY;
  OpCheck check("cross_entropy");
  const auto logits = check.inout(
      "logits", {4, 3},
      std::vector<float>{1e30F, 0, -1e30F, -1e30F, -1e30F, -1e30F, 0, NAN, 0, 0, 1, -inf});
  const auto ids = check.in("targets", {4}, std::vector<std::int32_t>{0, 1, 0, 1});
  const auto loss = check.out("loss", DType::f32, {4});
  const auto lse = check.out("lse", DType::f32, {4});
  check.run([&](Exec& ex) {
    cross_entropy(ex, {.logits = check.mut(logits),
                       .targets = check.get(ids),
                       .loss = check.mut(loss),
                       .lse = check.mut(lse),
                       .scale = 1});
  });
  check.expect(loss, {0, 0, std::nan(""), std::log(1 + std::exp(-1.0))}, tolerance(DType::f32, 3));
}

}  // namespace
}  // namespace mneme::test
