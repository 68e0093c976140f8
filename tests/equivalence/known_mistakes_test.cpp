// Mistakes of other implementations that no narrower test would see: docs/known_mistakes.md.
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "comm/self_comm.h"
#include "support/ranks.h"
#include "support/tiny_run.h"

namespace mneme::test {
namespace {

std::vector<double> losses_of(const RunConfig& config, int steps) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  const auto engine = make_engine(config, mesh);
  std::vector<double> all;
  for (int s = 1; s <= steps; ++s) all.push_back(tiny_step(*engine, s).loss);
  return all;
}

/// Norms are of the whole step's gradient, and a limit that always bites clips it once.
TEST(KnownMistakes, ClippingIsOncePerStepWhateverTheMicroBatches) {
  RunConfig whole = tiny_config(FfnKind::memory_plus);
  whole.optimizer.clip = 0.01;
  whole.optimizer.clip_values = 0.001;
  RunConfig pieces = whole;
  pieces.train.micro_batch = 1;
  SelfComm world("world");
  const Mesh mesh(world, {});
  const auto a = make_engine(whole, mesh);
  const auto b = make_engine(pieces, mesh);
  for (int s = 1; s <= 5; ++s) {
    const Engine::Step one = tiny_step(*a, s);
    const Engine::Step eight = tiny_step(*b, s);
    EXPECT_LT(one.clip.scale, 1);
    EXPECT_LT(one.clip.scale_values, 1);
    EXPECT_NEAR(eight.clip.norm / one.clip.norm, 1, 1e-3) << "step " << s;
    EXPECT_NEAR(eight.clip.norm_values / one.clip.norm_values, 1, 1e-3) << "step " << s;
    EXPECT_NEAR(eight.clip.scale / one.clip.scale, 1, 1e-3) << "step " << s;
  }
}

/// Widths of rows that are no power of two, down to a column for each rank.
TEST(KnownMistakes, AnyValueWidthTrainsOnAnyNumberOfRanks) {
  for (const std::int64_t width : {4, 5, 20, 33, 48, 100}) {
    RunConfig c = tiny_config(FfnKind::memory_plus);
    c.model.memory.value_width = width;
    const std::vector<double> alone = losses_of(c, 3);
    for (const int ranks : {2, 4}) {
      c.mesh = {.data = 1, .memory = ranks};
      std::vector<double> together;
      run_ranks(ranks, [&](Communicator& world) {
        const Mesh mesh(world, c.mesh);
        const auto engine = make_engine(c, mesh);
        std::vector<double> mine;
        for (int s = 1; s <= 3; ++s) mine.push_back(tiny_step(*engine, s).loss);
        if (world.rank() == 0) together = mine;
      });
      ASSERT_EQ(together.size(), alone.size());
      for (std::size_t i = 0; i < alone.size(); ++i)
        EXPECT_NEAR(together[i] / alone[i], 1, 1e-4) << "width " << width << ", " << ranks;
    }
  }
}

/// Memory that held anything before: after initialise() nothing of it is left, and biases are zero.
TEST(KnownMistakes, EveryParameterHasAnInitialValue) {
  std::int64_t biases = 0;
  for (const FfnKind ffn : {FfnKind::dense, FfnKind::memory, FfnKind::memory_plus}) {
    for (const Gate gate : {Gate::none, Gate::silu, Gate::sigmoid}) {
      for (const QueryNorm norm : {QueryNorm::none, QueryNorm::batch, QueryNorm::layer}) {
        RunConfig c = tiny_config(ffn);
        c.model.memory.gate = gate;
        c.model.memory.query_norm = norm;
        SelfComm world("world");
        const Mesh mesh(world, {});
        const auto engine = make_engine(c, mesh);
        for (const Param& p : engine->params().all()) {
          const auto raw = p.weight.raw();
          std::memset(const_cast<std::byte*>(raw.data()), 0xff, raw.size());  // NaN
        }
        engine->initialise();
        for (const Param& p : engine->params().all()) {
          const bool is_bias = p.spec.name.ends_with("bias");
          biases += is_bias ? 1 : 0;
          for (const float w : p.weight.span<const float>()) {
            ASSERT_TRUE(std::isfinite(w)) << p.spec.name;
            if (is_bias) {
              ASSERT_EQ(w, 0) << p.spec.name;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(biases, 0);
}

/// Replicas of the pool update by sums of all replicas' gradients: they stay equal to the bit.
TEST(KnownMistakes, ReplicasOfThePoolStayEqual) {
  const RunConfig c = [] {
    RunConfig config = tiny_config(FfnKind::memory_plus);
    config.mesh = {.data = 2, .memory = 2};
    return config;
  }();
  std::vector<std::vector<std::byte>> pools(4);
  run_ranks(4, [&](Communicator& world) {
    const Mesh mesh(world, c.mesh);
    const auto engine = make_engine(c, mesh);
    for (int s = 1; s <= 10; ++s) tiny_step(*engine, s);
    const auto raw = engine->params()[engine->model().pools().at(0)].weight.raw();
    pools[static_cast<std::size_t>(world.rank())].assign(raw.begin(), raw.end());
  });
  EXPECT_EQ(pools[0], pools[2]);
  EXPECT_EQ(pools[1], pools[3]);
  EXPECT_NE(pools[0], pools[1]) << "they hold other columns";
}

}  // namespace
}  // namespace mneme::test
