#include "data/batch.h"

#include <gtest/gtest.h>

namespace mneme {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr std::int32_t E = 9;  // EOS

TEST(Batch, DocumentsAreMaskedAndNothingFollowsEos) {
  Batch batch;
  const SampleRules rules{.sequence = 6, .eos = E, .document_mask = true};
  append_sample(rules, Ids{1, 2, E, 3, E, 4, 5}, batch);
  append_sample(rules, Ids{E, E, 6, 7, 8, 1, E}, batch);
  EXPECT_EQ(batch.samples, 2);
  EXPECT_EQ(batch.inputs, (Ids{1, 2, E, 3, E, 4, /**/ E, E, 6, 7, 8, 1}));
  EXPECT_EQ(batch.targets, (Ids{2, E, -1, E, -1, 5, /**/ -1, -1, 7, 8, 1, E}));
  EXPECT_EQ(batch.positions, (Ids{0, 1, 2, 0, 1, 0, /**/ 0, 0, 0, 1, 2, 3}));
  EXPECT_EQ(batch.document_start, (Ids{0, 0, 0, 3, 3, 5, /**/ 6, 7, 8, 8, 8, 8}));
  EXPECT_EQ(batch.target_count, 8);
}

TEST(Batch, WithoutTheMaskASampleIsOneDocument) {
  Batch batch;
  const SampleRules rules{.sequence = 4, .eos = E, .document_mask = false};
  append_sample(rules, Ids{1, E, 3, 4, 5}, batch);
  append_sample(rules, Ids{2, E, 3}, batch);
  EXPECT_EQ(batch.targets, (Ids{E, 3, 4, 5, /**/ E, 3, -1, -1}));
  EXPECT_EQ(batch.positions, (Ids{0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(batch.document_start, (Ids{0, 0, 0, 0, 4, 4, 4, 4}));
  EXPECT_EQ(batch.target_count, 6);
}

TEST(Batch, ShortSamplesAreFilledWithIgnoredTargets) {
  Batch batch;
  const SampleRules rules{.sequence = 5, .eos = E, .document_mask = true};
  append_sample(rules, Ids{1, 2, E}, batch);
  append_sample(rules, Ids{}, batch);
  EXPECT_EQ(batch.inputs, (Ids{1, 2, E, E, E, /**/ E, E, E, E, E}));
  EXPECT_EQ(batch.targets, (Ids{2, E, -1, -1, -1, /**/ -1, -1, -1, -1, -1}));
  EXPECT_EQ(batch.document_start, (Ids{0, 0, 0, 3, 3, /**/ 5, 5, 5, 5, 5}));
  EXPECT_EQ(batch.target_count, 2);
}

}  // namespace
}  // namespace mneme
