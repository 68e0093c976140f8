#include "kernels/embedding/embedding.h"

#include <vector>

#include <gtest/gtest.h>

#include "support/op_check.h"

namespace mneme::test {
namespace {

class Embedding : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};

TEST_P(Embedding, ForwardCopiesRows) {
  const auto [tokens, channels] = GetParam();
  OpCheck check("embedding_forward");
  const auto table = check.in("table", DType::f32, {11, channels}, -1, 1);
  const auto ids = check.in("tokens", DType::i32, {tokens}, 0, 11);
  const auto out = check.out("out", DType::f32, {tokens, channels});
  check.run([&](Exec& ex) {
    embedding_forward(ex,
                      {.table = check.get(table), .tokens = check.get(ids), .out = check.mut(out)});
  });
  const auto t0 = check.initial(table), i0 = check.initial(ids);
  std::vector<double> wanted;
  for (const double id : i0) {
    for (std::int64_t c = 0; c < channels; ++c) {
      wanted.push_back(t0[static_cast<std::size_t>(id) * size_of(channels) + size_of(c)]);
    }
  }
  check.expect(out, wanted, {});
}

/// The sums of each row are taken in token order in f32: the plain loop in f32 gives the same bits.
TEST_P(Embedding, BackwardSumsInTokenOrder) {
  const auto [tokens, channels] = GetParam();
  OpCheck check("embedding_backward");
  const auto dout = check.in("dout", DType::f32, {tokens, channels}, -1, 1);
  const auto ids = check.in("tokens", DType::i32, {tokens}, 0, 3);
  const auto dtable = check.inout("dtable", DType::f32, {11, channels}, -1, 1);
  check.run([&](Exec& ex) {
    embedding_backward(
        ex, {.dout = check.get(dout), .tokens = check.get(ids), .dtable = check.mut(dtable)});
  });
  auto wanted = check.initial(dtable);
  const auto d0 = check.initial(dout), i0 = check.initial(ids);
  for (std::size_t t = 0; t < i0.size(); ++t) {
    for (std::size_t c = 0; c < size_of(channels); ++c) {
      double& sum = wanted[static_cast<std::size_t>(i0[t]) * size_of(channels) + c];
      sum = static_cast<double>(static_cast<float>(sum) +
                                static_cast<float>(d0[t * size_of(channels) + c]));
    }
  }
  check.expect(dtable, wanted, {});
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         Embedding,
                         testing::Combine(testing::Values(0, 1, 100),
                                          testing::Values(1, 16, 33, 300)));

TEST(Embedding, TokenOutsideTheVocabularyIsRefused) {
  for (const std::int32_t bad : {-1, 4}) {
    OpCheck check("embedding_forward");
    const auto table = check.in("table", DType::f32, {4, 2}, -1, 1);
    const auto ids = check.in("tokens", {3}, std::vector<std::int32_t>{0, 3, bad});
    const auto out = check.out("out", DType::f32, {3, 2});
    Arena scratch("scratch", 0, cpu_device);
    Exec ex{cpu_device, scratch, 1};
    check.mut(ids).ptr<std::int32_t>()[2] = bad;
    EXPECT_THROW(
        embedding_forward(
            ex, {.table = check.get(table), .tokens = check.get(ids), .out = check.mut(out)}),
        Error);
  }
}

}  // namespace
}  // namespace mneme::test
