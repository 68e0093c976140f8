#include "support/tiny_run.h"

#include "base/philox.h"

namespace mneme::test {

RunConfig tiny_config(FfnKind ffn) {
  RunConfig c;
  c.name = "tiny";
  c.model.vocabulary = 100;
  c.model.channels = 32;
  c.model.blocks = 2;
  c.model.heads = 4;
  c.model.kv_heads = 2;
  c.model.ffn_hidden = 48;
  c.model.ffn = ffn;
  c.model.memory.layers = std::vector<std::int64_t>{0, 1};
  c.model.memory.heads = 2;
  c.model.memory.top_k = 4;
  c.model.memory.half_keys = 8;
  c.model.memory.key_width = 12;
  c.model.memory.value_width = 20;
  c.train.steps = 100;
  c.train.sequence = 24;
  c.train.batch = 8;
  c.optimizer.lr = 1e-2;
  c.optimizer.schedule.warmup = 2;
  return c;
}

Batch tiny_batch(const RunConfig& c, std::int64_t step, std::int64_t first, std::int64_t last) {
  const Philox random(static_cast<std::uint64_t>(c.seed), "test/tokens");
  Batch batch;
  const SampleRules rules{
      .sequence = c.train.sequence, .eos = 0, .document_mask = c.data.document_mask};
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(c.train.sequence + 1));
  for (std::int64_t s = first; s < last; ++s) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const auto element = static_cast<std::uint64_t>(s) * 1000 + i;
      const std::uint32_t word = random.word(static_cast<std::uint64_t>(step), element);
      tokens[i] =
          word % 11 == 0 ? 0 : static_cast<std::int32_t>(1 + word / 11 % (c.model.vocabulary - 1));
    }
    append_sample(rules, tokens, batch);
  }
  return batch;
}

std::int64_t tiny_targets(const RunConfig& c, std::int64_t step) {
  return tiny_batch(c, step, 0, c.train.batch).target_count;
}

std::unique_ptr<Engine> make_engine(const RunConfig& config, const Mesh& mesh, int threads) {
  Engine plan(config, mesh, Engine::Purpose::train, Arenas::measuring(), threads);
  plan.measure();
  plan.measure_evaluation(plan.micro_batch_samples());
  auto engine = std::make_unique<Engine>(config, mesh, Engine::Purpose::train,
                                         Arenas::sized(plan.arenas()), threads);
  engine->initialise();
  return engine;
}

Engine::Step tiny_step(Engine& engine, std::int64_t step) {
  const RunConfig& c = engine.config();
  const Communicator& world = engine.mesh().world();
  const std::int64_t passes = micro_batches(c.train, world.size());
  const std::int64_t samples = c.train.batch / passes / world.size();
  std::vector<Batch> micro;
  for (std::int64_t m = 0; m < passes; ++m) {
    const std::int64_t first = (m * world.size() + world.rank()) * samples;
    micro.push_back(tiny_batch(c, step, first, first + samples));
  }
  return engine.train_step(step, micro, tiny_targets(c, step));
}

}  // namespace mneme::test
