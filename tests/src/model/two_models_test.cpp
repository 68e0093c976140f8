#include <cstring>

#include <gtest/gtest.h>

#include "comm/self_comm.h"
#include "support/tiny_run.h"

namespace mneme::test {
namespace {

/// All that a model has: weights, moments, last steps.
std::vector<std::vector<std::byte>> state_of(const Engine& engine) {
  std::vector<std::vector<std::byte>> all;
  for (const StateItem& item : engine.state_items()) {
    const auto raw = item.local.raw();
    all.emplace_back(raw.begin(), raw.end());
  }
  return all;
}

/// A pool belongs to its model: another one trained beside it, step by step, leaves no trace.
TEST(TwoModels, EachInOneProcessHasItsOwnPool) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  const RunConfig config = tiny_config(FfnKind::memory_plus);
  RunConfig other = config;
  other.seed = 2;
  const auto alone = make_engine(config, mesh);
  for (int s = 1; s <= 5; ++s) tiny_step(*alone, s);
  const auto first = make_engine(config, mesh);
  const auto second = make_engine(other, mesh);
  for (int s = 1; s <= 5; ++s) {
    tiny_step(*first, s);
    tiny_step(*second, s);
  }
  EXPECT_EQ(state_of(*first), state_of(*alone));
  EXPECT_NE(state_of(*second), state_of(*alone));
  const Param& mine = first->params()[first->model().pools().at(0)];
  const Param& theirs = second->params()[second->model().pools().at(0)];
  EXPECT_NE(mine.weight.data(), theirs.weight.data());
}

/// `share: none` in one model: layers read pools of their own, which training moves apart.
TEST(TwoModels, PoolsOfOneModelAreApartToo) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  RunConfig config = tiny_config(FfnKind::memory_plus);
  config.model.memory.share = Share::none;
  const auto engine = make_engine(config, mesh);
  tiny_step(*engine, 1);
  const auto& pools = engine->model().pools();
  ASSERT_EQ(pools.size(), 2U);
  const View a = engine->params()[pools[0]].weight;
  const View b = engine->params()[pools[1]].weight;
  EXPECT_NE(std::memcmp(a.data(), b.data(), a.bytes()), 0);
  EXPECT_NE(engine->params()[pools[0]].keeper, engine->params()[pools[1]].keeper);
}

}  // namespace
}  // namespace mneme::test
