#include <cmath>
#include <cstring>
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "base/philox.h"
#include "comm/self_comm.h"
#include "nn/value_pool.h"
#include "support/ranks.h"
#include "support/tiny_run.h"

namespace mneme::test {
namespace {

/// One setting of the memory layer's switches.
struct Switch {
  const char* name;
  std::function<void(RunConfig&)> set;
};

const std::vector<Switch>& switches() {
  static const std::vector<Switch> all{
      {"memory", [](RunConfig& c) { c.model.ffn = FfnKind::memory; }},
      {"memory_plus", [](RunConfig&) {}},
      {"gate_none", [](RunConfig& c) { c.model.memory.gate = Gate::none; }},
      {"gate_none_same_width",
       [](RunConfig& c) {
         c.model.memory.gate = Gate::none;
         c.model.memory.value_width = 32;
       }},
      {"gate_sigmoid", [](RunConfig& c) { c.model.memory.gate = Gate::sigmoid; }},
      {"qk_norm_none", [](RunConfig& c) { c.model.memory.qk_norm = QkNorm::none; }},
      {"query_norm_layer", [](RunConfig& c) { c.model.memory.query_norm = QueryNorm::layer; }},
      {"query_norm_batch", [](RunConfig& c) { c.model.memory.query_norm = QueryNorm::batch; }},
      {"share_none", [](RunConfig& c) { c.model.memory.share = Share::none; }},
      {"share_block",
       [](RunConfig& c) {
         c.model.memory.share = Share::block;
         c.model.memory.share_block = 1;
       }},
      {"share_keys_all", [](RunConfig& c) { c.model.memory.share_keys = ShareKeys::all; }},
      {"keys_flat", [](RunConfig& c) { c.model.memory.keys = KeyKind::flat; }},
      {"beside", [](RunConfig& c) { c.model.memory.placement = MemoryPlacement::beside; }},
      {"tied", [](RunConfig& c) { c.model.tie_embeddings = true; }},
      {"z_loss", [](RunConfig& c) { c.model.z_loss = 1e-2; }}};
  return all;
}

class MemorySwitch : public testing::TestWithParam<std::size_t> {
 protected:
  MemorySwitch() : config_(tiny_config(FfnKind::memory_plus)) {
    switches()[GetParam()].set(config_);
  }
  RunConfig config_;
};
INSTANTIATE_TEST_SUITE_P(,
                         MemorySwitch,
                         testing::Range(std::size_t{0}, switches().size()),
                         [](const auto& index) {
                           return std::string(switches()[index.param].name);
                         });

/// The training loss, z term included, that gradients are of.
double objective(Engine& engine, const Batch& batch) {
  ParamSet& ps = engine.params();
  const Shape t{batch.tokens()};
  const auto view = [&](const std::vector<std::int32_t>& v) {
    return view_of(std::span<const std::int32_t>(v), t);
  };
  const std::int64_t vocabulary = engine.config().model.vocabulary;
  std::vector<float> logits(size_of(batch.tokens() * vocabulary));
  engine.model().logits(
      engine.exec(), ps,
      {view(batch.inputs), view(batch.targets), view(batch.positions), view(batch.document_start)},
      view_of(std::span<float>(logits), {batch.tokens(), vocabulary}));
  double sum = 0;
  for (std::int64_t i = 0; i < batch.tokens(); ++i) {
    const std::int32_t target = batch.targets[size_of(i)];
    if (target < 0) continue;
    const std::span<const float> row =
        std::span<const float>(logits).subspan(size_of(i * vocabulary), size_of(vocabulary));
    double z = 0;
    for (const float x : row) z += std::exp(static_cast<double>(x));
    const double lse = std::log(z);
    sum += lse - static_cast<double>(row[static_cast<std::size_t>(target)]) +
           engine.config().model.z_loss * lse * lse;
  }
  return sum / static_cast<double>(batch.target_count);
}

/// The gradients of one step, a vector per parameter; pool rows at their place.
std::vector<std::vector<float>> gradients_of(const ParamSet& ps) {
  std::vector<std::vector<float>> gradients;
  for (const Param& p : ps.all()) {
    std::vector<float> g(size_of(p.weight.count()));
    if (p.spec.grad == GradKind::dense && p.is_trained()) {
      std::memcpy(g.data(), p.grad.data(), p.grad.bytes());
    } else if (p.is_trained()) {
      const auto rows = p.row_sums.row_of_slot.span<const std::int32_t>();
      const auto sums = p.row_sums.sums.span<const float>();
      const auto width = size_of(p.block.shape[1]);
      for (std::size_t s = 0; s < size_of(p.row_sums.count); ++s) {
        std::memcpy(&g[static_cast<std::size_t>(rows[s]) * width], &sums[s * width],
                    width * sizeof(float));
      }
    }
    gradients.push_back(std::move(g));
  }
  return gradients;
}

/// The slope of the loss along `g` by a central difference, over the expected |g|^2; and what f32's
/// noise of about 3e-7 in the loss can make of it.
struct Slope {
  double ratio = 0;
  double noise = 0;
};
Slope slope_along(Engine& engine, Param& p, const std::vector<float>& g, const Batch& batch) {
  double squares = 0;
  for (const float x : g) squares += static_cast<double>(x) * static_cast<double>(x);
  EXPECT_GT(squares, 0) << p.spec.name << " has no gradient";
  const auto weight = p.weight.span<float>();
  const std::vector<float> saved(weight.begin(), weight.end());
  const double h = 5e-4 / std::sqrt(squares);
  const auto at = [&](double step) {
    for (std::size_t k = 0; k < saved.size(); ++k) {
      weight[k] =
          static_cast<float>(static_cast<double>(saved[k]) + step * static_cast<double>(g[k]));
    }
    const double loss = objective(engine, batch);
    std::copy(saved.begin(), saved.end(), weight.begin());
    return loss;
  };
  return {(at(h) - at(-h)) / (2 * h) / squares, 3e-7 / (h * squares)};
}

/// (L(w+hg) - L(w-hg)) / 2h = |g|^2 for each parameter. The loss jumps where a token's k-th row
/// changes, so few tokens and a small step are taken, and the best of some seeds counts: a jump is
/// an accident of one of them, a wrong gradient is wrong in all.
TEST_P(MemorySwitch, GradientsAreThoseOfTheLoss) {
  if (config_.model.memory.query_norm == QueryNorm::batch) {
    GTEST_SKIP() << "evaluation takes running statistics: checked by BatchNorm's own test";
  }
  config_.train.sequence = 8;
  config_.train.batch = 1;
  std::map<std::string, double> excess;  // of the error over the noise, by parameter
  for (const std::int64_t seed : {1, 2, 3, 4}) {
    config_.seed = seed;
    SelfComm world("world");
    const Mesh mesh(world, {});
    const auto engine = make_engine(config_, mesh);
    const Batch batch = tiny_batch(config_, 1, 0, 1);
    engine->train_step(1, {batch}, batch.target_count);
    const auto gradients = gradients_of(engine->params());
    engine->initialise();  // undoes the update
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      Param& p = engine->params().all()[i];
      if (!p.is_trained()) continue;
      const Slope s = slope_along(*engine, p, gradients[i], batch);
      const double e = std::max(0.0, std::abs(s.ratio - 1) - s.noise);
      const auto [at, is_new] = excess.try_emplace(p.spec.name, e);
      if (!is_new) at->second = std::min(at->second, e);
    }
  }
  for (const auto& [name, e] : excess) EXPECT_LT(e, 0.02) << name;
}

TEST_P(MemorySwitch, RecomputeGivesTheSameBits) {
  const auto losses = [](const RunConfig& c) {
    SelfComm world("world");
    const Mesh mesh(world, {});
    const auto engine = make_engine(c, mesh);
    std::vector<double> all;
    for (int s = 1; s <= 5; ++s) all.push_back(tiny_step(*engine, s).loss);
    return all;
  };
  const auto kept = losses(config_);
  config_.model.recompute = Recompute::block;
  EXPECT_EQ(losses(config_), kept);
}

TEST_P(MemorySwitch, FourRanksAgreeWithOne) {
  std::vector<double> alone;
  for (const MeshConfig& shape : {MeshConfig{1, 1}, MeshConfig{2, 2}, MeshConfig{1, 4}}) {
    std::vector<double> losses;
    run_ranks(shape.data * shape.memory, [&](Communicator& world) {
      const Mesh mesh(world, shape);
      const auto engine = make_engine(config_, mesh);
      for (int s = 1; s <= 5; ++s) {
        const double loss = tiny_step(*engine, s).loss;
        if (world.rank() == 0) losses.push_back(loss);
      }
    });
    if (alone.empty()) alone = losses;
    ASSERT_EQ(losses.size(), alone.size());
    for (std::size_t i = 0; i < alone.size(); ++i)
      EXPECT_NEAR(losses[i] / alone[i], 1, 1e-4) << shape.data << "x" << shape.memory;
  }
}

TEST(ValuePool, AnyCutOfTheColumnsReadsTheSameBits) {
  const std::int64_t width = 37;
  const std::int64_t tokens = 12;
  const std::int64_t reads = 8;
  const std::int64_t rows = 50;
  std::vector<float> whole;
  for (const Exchange exchange : {Exchange::all_to_all, Exchange::all_gather}) {
    for (const int ranks : {1, 2, 3, 4}) {
      std::vector<float> got(size_of(tokens * width));
      run_ranks(ranks, [&](Communicator& world) {
        const Mesh mesh(world, {.data = 1, .memory = ranks});
        ParamSet ps(position_on(mesh));
        const ValuePool pool(
            ParamScope(ps),
            {.rows = rows, .width = width, .touched_rows = rows, .exchange = exchange},
            mesh.memory());
        Arena weights("weights", 1 << 20, cpu_device);
        Arena grads("grads", 1 << 20, cpu_device);
        Arena scratch("scratch", 1 << 22, cpu_device);
        Exec ex{cpu_device, scratch, 1};
        ps.allocate(weights, grads);
        ps.initialise(ex, 5);
        const std::int64_t mine = tokens / ranks;
        const Philox random(1, "test/reads");
        std::vector<std::int32_t> row;
        std::vector<float> weight;
        for (std::int64_t i = world.rank() * mine * reads; i < (world.rank() + 1) * mine * reads;
             ++i) {
          row.push_back(
              static_cast<std::int32_t>(random.word(0, static_cast<std::uint64_t>(i)) % rows));
          weight.push_back(static_cast<float>(random.uniform(1, static_cast<std::uint64_t>(i))));
        }
        const View out = view_of(std::span<float>(got).subspan(size_of(world.rank() * mine * width),
                                                               size_of(mine * width)),
                                 {mine, width});
        pool.read(ex, ps, {.positions = {}, .first = {}, .mode = Mode::evaluate},
                  view_of(std::span<const std::int32_t>(row), {mine, reads}),
                  view_of(std::span<const float>(weight), {mine, reads}), out, 0);
      });
      if (whole.empty()) whole = got;
      EXPECT_EQ(got, whole) << ranks << " ranks";
    }
  }
}

TEST(PoolUpdateMode, ExactTrainsLikeDense) {
  const auto losses = [](PoolUpdate mode) {
    RunConfig c = tiny_config(FfnKind::memory_plus);
    c.model.memory.half_keys = 32;  // 1,024 rows: most are not read in most steps
    c.optimizer.pool_update = mode;
    c.optimizer.memory_values.weight_decay = 0.1;
    SelfComm world("world");
    const Mesh mesh(world, {});
    const auto engine = make_engine(c, mesh);
    std::vector<double> all;
    for (int s = 1; s <= 40; ++s) all.push_back(tiny_step(*engine, s).loss);
    return all;
  };
  const auto dense = losses(PoolUpdate::dense);
  const auto exact = losses(PoolUpdate::exact);
  const auto lazy = losses(PoolUpdate::lazy);
  double other = 0;
  for (std::size_t i = 0; i < dense.size(); ++i) {
    EXPECT_NEAR(exact[i] / dense[i], 1, 1e-4) << "step " << i + 1;
    other = std::max(other, std::abs(lazy[i] / dense[i] - 1));
  }
  EXPECT_GT(other, 1e-4) << "lazy is another optimizer: if it agrees, the modes are not told apart";
}

}  // namespace
}  // namespace mneme::test
