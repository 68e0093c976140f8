#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/parse.h"
#include "support/expect_error.h"
#include "train/plan.h"

namespace mneme::test {
namespace {

std::filesystem::path configs() {
  return std::filesystem::path(MNEME_SOURCE_DIR) / "configs";
}

/// Parameters of the published sizes, as printed: "138.748B" or "134.1M".
const std::map<std::string, std::string>& published() {
  static const std::map<std::string, std::string> totals{{"134m", "134.1M"},
                                                         {"memory_134m", "0.937B"},
                                                         {"memory_plus_134m", "0.937B"},
                                                         {"373m", "373.9M"},
                                                         {"memory_373m", "1.441B"},
                                                         {"memory_plus_373m", "1.441B"},
                                                         {"720m", "721.2M"},
                                                         {"memory_720m", "2.316B"},
                                                         {"memory_plus_720m", "2.313B"},
                                                         {"1.3b", "1261.5M"},
                                                         {"memory_1.3b", "3.378B"},
                                                         {"memory_plus_1.3b", "3.368B"},
                                                         {"memory_plus_134m_16m", "13.031B"},
                                                         {"memory_plus_1.3b_4m", "9.823B"},
                                                         {"memory_plus_1.3b_16m", "35.618B"},
                                                         {"memory_plus_1.3b_64m", "138.748B"},
                                                         {"8b", "8.03B"},
                                                         {"memory_plus_8b_16m", "76.523B"}};
  return totals;
}

std::string like(const std::string& text, std::int64_t count) {
  const std::size_t digits = text.size() - 2 - text.find('.');
  const double unit = text.back() == 'B' ? 1e9 : 1e6;
  return fmt::format("{:.{}f}{}", static_cast<double>(count) / unit, digits, text.back());
}

TEST(PaperConfigs, ParametersAreThePublishedTotals) {
  for (const auto& [name, total] : published()) {
    const auto config = parse<RunConfig>(configs() / "paper" / (name + ".yaml"));
    const Plan plan = make_plan(config, 64);
    EXPECT_EQ(like(total, plan.parameters), total) << name;
    EXPECT_GT(plan.bytes(), 0) << name;
  }
}

TEST(PaperConfigs, EveryConfigOfTheFolderIsChecked) {
  std::size_t found = 0;
  for (const auto& file : std::filesystem::directory_iterator(configs() / "paper")) {
    const std::string name = file.path().stem().string();
    if (file.path().extension() != ".yaml" || name == "base") continue;
    EXPECT_TRUE(published().contains(name)) << name;
    ++found;
  }
  EXPECT_EQ(found, published().size());
}

// Regression: FLOP counts that include the pool are several times too high.
TEST(PaperConfigs, FlopDoNotDependOnThePool) {
  const auto small = make_plan(parse<RunConfig>(configs() / "paper/memory_plus_1.3b_4m.yaml"), 64);
  const auto large = make_plan(parse<RunConfig>(configs() / "paper/memory_plus_1.3b_64m.yaml"), 64);
  const auto dense = make_plan(parse<RunConfig>(configs() / "paper/1.3b.yaml"), 64);
  // 16 times the rows are 4 times the half-keys: only their scores grow.
  EXPECT_LT(large.flop_per_token / small.flop_per_token, 1.1);
  EXPECT_LT(small.flop_per_token, dense.flop_per_token);
  EXPECT_EQ(large.pool_bytes_per_token, small.pool_bytes_per_token);
}

TEST(TinyConfigs, TwinsHaveTheSameFlopPerToken) {
  const std::vector<std::string> vocabulary{"model.vocabulary=4096"};
  const auto dense = make_plan(parse<RunConfig>(configs() / "tiny/dense_cpu.yaml", vocabulary), 2);
  const auto memory =
      make_plan(parse<RunConfig>(configs() / "tiny/memory_cpu.yaml", vocabulary), 2);
  EXPECT_NEAR(memory.flop_per_token / dense.flop_per_token, 1, 0.05);
}

TEST(TrainConfig, ABatchThatDoesNotDivideIsRefusedWithTheNearestThatDo) {
  TrainConfig c;
  c.batch = 10;
  c.micro_batch = 2;
  expect_error(Fault::user, "8 or 16", [&] { micro_batches(c, 4); });
  c.batch = 16;
  EXPECT_EQ(micro_batches(c, 4), 2);
}

TEST(TrainConfig, APassThatNoMachineHoldsIsRefusedBeforeItIsPlanned) {
  TrainConfig c;
  c.sequence = 1 << 20;
  c.batch = 64;
  EXPECT_EQ(micro_batches(c, 4), 1);
  c.batch = 68;
  expect_error(Fault::user, "train.micro_batch = 16 or less", [&] { micro_batches(c, 4); });
  c.micro_batch = 1;
  EXPECT_EQ(micro_batches(c, 4), 17);
}

}  // namespace
}  // namespace mneme::test
