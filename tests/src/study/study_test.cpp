#include "study/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mneme::test {
namespace {

using testing::ElementsAre;

TEST(ShortKeys, AreTheShortestEndsThatDiffer) {
  EXPECT_THAT(short_keys({"model.memory.half_keys"}), ElementsAre("half_keys"));
  EXPECT_THAT(short_keys({"optimizer.lr", "optimizer.memory_values.lr", "train.steps"}),
              ElementsAre("optimizer.lr", "memory_values.lr", "steps"));
  EXPECT_THAT(short_keys({"a.b.c", "x.b.c"}), ElementsAre("a.b.c", "x.b.c"));
  EXPECT_THAT(short_keys({"seed", "model.seed"}), ElementsAre("seed", "model.seed"));
  EXPECT_THAT(short_keys({"seed", "seed"}), ElementsAre("seed", "seed"));
}

TEST(NameOfValue, IsPartOfAFoldersName) {
  EXPECT_EQ(name_of_value("0.003"), "0.003");
  EXPECT_EQ(name_of_value("-1e-05"), "-1e-05");
  EXPECT_EQ(name_of_value("[1, 3]"), "1+3");
  EXPECT_EQ(name_of_value("{kind: cosine, warmup: 5}"), "kind_cosine+warmup_5");
  EXPECT_EQ(name_of_value("work/a b.h5"), "work_ab.h5");
}

}  // namespace
}  // namespace mneme::test
