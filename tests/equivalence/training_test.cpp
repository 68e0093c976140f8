#include <cmath>
#include <cstring>
#include <numbers>

#include <gtest/gtest.h>

#include "kernels/util/elementwise.h"

#include "comm/self_comm.h"
#include "support/ranks.h"
#include "support/tiny_run.h"

namespace mneme::test {
namespace {

/// Losses of some steps and the weights after them.
struct Outcome {
  std::vector<double> losses;
  std::vector<std::vector<std::byte>> weights;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome train(const RunConfig& config, const Mesh& mesh, int steps, int threads = 1) {
  const auto engine = make_engine(config, mesh, threads);
  Outcome o;
  for (int s = 1; s <= steps; ++s) o.losses.push_back(tiny_step(*engine, s).loss);
  for (const Param& p : engine->params().all()) {
    const auto raw = p.weight.raw();
    o.weights.emplace_back(raw.begin(), raw.end());
  }
  return o;
}

Outcome train_alone(const RunConfig& config, int steps, int threads = 1) {
  SelfComm world("world");
  const Mesh mesh(world, config.mesh);
  return train(config, mesh, steps, threads);
}

double largest_relative(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]) / std::abs(a[i]));
  return worst;
}

class Training : public testing::TestWithParam<FfnKind> {
 protected:
  RunConfig config_ = tiny_config(GetParam());
};
INSTANTIATE_TEST_SUITE_P(,
                         Training,
                         testing::Values(FfnKind::dense, FfnKind::memory, FfnKind::memory_plus),
                         [](const auto& kind) { return std::string(enum_name(kind.param)); });

TEST_P(Training, FirstLossIsThatOfRandomLogits) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  const auto engine = make_engine(config_, mesh);
  const Batch batch = tiny_batch(config_, 1, 0, 8);
  const double loss = engine->evaluate(0, batch) / static_cast<double>(batch.target_count);
  std::vector<float> logits(size_of(batch.tokens() * config_.model.vocabulary));
  Arena scratch("scratch", 1 << 24, cpu_device);
  Exec ex{cpu_device, scratch, 1};
  const Shape t{batch.tokens()};
  const auto view = [&](const std::vector<std::int32_t>& v) {
    return view_of(std::span<const std::int32_t>(v), t);
  };
  const View out = view_of(std::span<float>(logits), {batch.tokens(), config_.model.vocabulary});
  engine->model().logits(
      ex, engine->params(),
      {view(batch.inputs), view(batch.targets), view(batch.positions), view(batch.document_start)},
      out);
  double squares = 0;
  for (const float x : logits) squares += static_cast<double>(x) * static_cast<double>(x);
  const double variance = squares / static_cast<double>(logits.size());
  const double expected = std::log(static_cast<double>(config_.model.vocabulary)) + variance / 2;
  EXPECT_NEAR(loss / expected, 1, 0.02) << "variance of the logits " << variance;
}

TEST_P(Training, OneBatchIsLearntByHeart) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  const auto engine = make_engine(config_, mesh, 2);
  const Batch batch = tiny_batch(config_, 1, 0, 8);
  double loss = 0;
  for (int s = 1; s <= 200; ++s) loss = engine->train_step(s, {batch}, batch.target_count).loss;
  EXPECT_LT(loss, 0.1);
}

TEST_P(Training, TheSameRunTwiceGivesTheSameBits) {
  EXPECT_EQ(train_alone(config_, 5, 2), train_alone(config_, 5, 2));
}

TEST_P(Training, RecomputeGivesTheSameBits) {
  const Outcome kept = train_alone(config_, 5);
  config_.model.recompute = Recompute::block;
  EXPECT_EQ(train_alone(config_, 5), kept);
}

TEST_P(Training, MicroBatchesAgreeWithOneLargeBatch) {
  const Outcome whole = train_alone(config_, 10);
  config_.train.micro_batch = 2;
  const double worst = largest_relative(whole.losses, train_alone(config_, 10).losses);
  RecordProperty("largest_relative_difference", std::to_string(worst));
  EXPECT_LT(worst, 1e-4);
}

TEST_P(Training, AnyMeshAgreesWithOneRank) {
  const Outcome alone = train_alone(config_, 10);
  for (const auto& [data, memory] : {std::pair{1, 2}, {2, 1}, {1, 4}, {2, 2}, {4, 1}}) {
    config_.mesh = {.data = data, .memory = memory};
    double worst = -1;
    run_ranks(data * memory, [&](Communicator& world) {
      const Mesh mesh(world, config_.mesh);
      const Outcome o = train(config_, mesh, 10);
      if (world.rank() == 0) worst = largest_relative(alone.losses, o.losses);
    });
    EXPECT_LT(worst, 1e-4) << data << " x " << memory;
    EXPECT_GE(worst, 0);
  }
}

/// The plan knows no data, so it sends the longest lists of rows; this pool is so small that a step
/// reads nearly all of it.
TEST_P(Training, AStepSendsWhatWasPlanned) {
  config_.mesh = {.data = 2, .memory = 2};
  run_ranks(4, [&](Communicator& world) {
    const Mesh mesh(world, config_.mesh);
    Engine plan(config_, mesh, Engine::Purpose::train, Arenas::measuring(), 1);
    const auto traffic_of = [&](const auto& work) {
      for (Communicator* axis : {&mesh.world(), &mesh.data(), &mesh.memory()})
        axis->reset_traffic();
      work();
      return std::vector<Traffic>{mesh.world().traffic(), mesh.data().traffic(),
                                  mesh.memory().traffic()};
    };
    const auto planned = traffic_of([&] { plan.measure(); });
    const auto engine = make_engine(config_, mesh);
    const auto real = traffic_of([&] {
      tiny_step(*engine, 1);
      if (engine->has_pool()) engine->summarise_use();
    });
    for (std::size_t axis = 0; axis < real.size(); ++axis) {
      ASSERT_EQ(planned[axis].lines.size(), real[axis].lines.size()) << axis;
      for (const Traffic::Line& line : real[axis].lines) {
        const Traffic::Line expected = planned[axis].of(line.operation);
        EXPECT_EQ(expected.calls, line.calls) << axis << " " << line.operation;
        EXPECT_GE(expected.bytes, line.bytes) << axis << " " << line.operation;
        EXPECT_LE(expected.bytes, line.bytes * 5 / 4) << axis << " " << line.operation;
      }
    }
  });
}

TEST_P(Training, ArenasNeedExactlyWhatWasPlanned) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  const auto engine = make_engine(config_, mesh);
  for (int s = 1; s <= 3; ++s) tiny_step(*engine, s);
  engine->evaluate(3, tiny_batch(config_, 1, 0, 8));
  if (engine->has_pool()) engine->summarise_use();
  for (const Arena* a : engine->arenas().all()) EXPECT_EQ(a->peak(), a->capacity()) << a->name();
}

TEST_P(Training, CopiesOfTheWeightsNeedRoomForAFewRowsOnly) {
  if (GetParam() == FfnKind::dense) GTEST_SKIP() << "no pool";
  SelfComm world("world");
  const Mesh mesh(world, {});
  RunConfig c = config_;
  c.model.memory.half_keys = 1024;
  const auto planned_scratch = [&](std::int64_t weights_every) {
    c.checkpoint.keep.weights_every = weights_every;
    Engine plan(c, mesh, Engine::Purpose::train, Arenas::measuring(), 1);
    plan.measure();
    return plan.arenas().scratch.peak();
  };
  const std::size_t row = 20 * sizeof(float);
  EXPECT_LE(planned_scratch(1), planned_scratch(0) + 3 * 4096 * row);  // the pool has 2^20 rows
}

}  // namespace
}  // namespace mneme::test
