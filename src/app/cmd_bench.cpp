#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "app/command.h"
#include "app/ranks.h"
#include "base/amount.h"
#include "base/philox.h"
#include "config/parse.h"
#include "train/engine.h"
#include "train/known_vocabulary.h"

namespace mneme {
namespace {

/// This rank's share of a step of random tokens, one document per sample.
std::vector<Batch> random_step(const RunConfig& c, const Communicator& world, std::int64_t step) {
  const Philox random(static_cast<std::uint64_t>(c.seed), "bench/tokens");
  const std::int64_t passes = micro_batches(c.train, world.size());
  const std::int64_t samples = c.train.batch / passes / world.size();
  const SampleRules rules{.sequence = c.train.sequence, .eos = -1, .document_mask = true};
  std::vector<std::int32_t> tokens(size_of(c.train.sequence + 1));
  std::vector<Batch> micro(size_of(passes));
  for (std::int64_t m = 0; m < passes; ++m) {
    for (std::int64_t s = 0; s < samples; ++s) {
      const std::int64_t sample = (m * world.size() + world.rank()) * samples + s;
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const auto element = static_cast<std::uint64_t>(sample) * tokens.size() + i;
        const std::uint32_t word = random.word(static_cast<std::uint64_t>(step), element);
        tokens[i] =
            static_cast<std::int32_t>(word % static_cast<std::uint64_t>(c.model.vocabulary));
      }
      append_sample(rules, tokens, micro[size_of(m)]);
    }
  }
  return micro;
}

int bench_step(const ConfigArguments& arguments, std::int64_t steps) {
  const RunConfig config =
      with_known_vocabulary(parse<RunConfig>(arguments.file, arguments.overrides));
  const Ranks ranks(config);
  Engine plan(config, ranks.mesh(), Engine::Purpose::train, Arenas::measuring(), ranks.threads());
  plan.measure();
  Engine engine(config, ranks.mesh(), Engine::Purpose::train, Arenas::sized(plan.arenas()),
                ranks.threads());
  engine.initialise();
  const std::int64_t tokens = config.train.batch * config.train.sequence;
  std::vector<double> seconds;
  Cost before;
  for (std::int64_t s = 1; s <= steps + 2; ++s) {  // the first two warm up
    const std::vector<Batch> micro = random_step(config, ranks.world(), s);
    before = engine.cost();
    ranks.world().barrier();
    const auto begin = std::chrono::steady_clock::now();
    engine.train_step(s, micro, tokens);
    const double t =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (s > 2) seconds.push_back(t);
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  const double flop = engine.cost().matmul_flop - before.matmul_flop;
  const double bytes = engine.cost().pool_bytes - before.pool_bytes;
  if (!ranks.is_first()) return 0;
  fmt::print("{}: {} of {} on {} with {}\n", config.name, counted(steps, "step"),
             counted(tokens, "token"), counted(ranks.world().size(), "rank"),
             counted(ranks.threads(), "thread"));
  fmt::print("  step        {:>10.4f} s median   ({:.4f} to {:.4f})\n", median, seconds.front(),
             seconds.back());
  fmt::print("  tokens/s    {:>10.0f}\n", static_cast<double>(tokens) / median);
  fmt::print("  matmul      {:>10.1f} GFLOP/s per rank\n", flop / median / 1e9);
  fmt::print("  pool        {:>10.2f} GB/s per rank\n", bytes / median / 1e9);
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Action& chosen) {
  auto arguments = std::make_shared<ConfigArguments>();
  auto steps = std::make_shared<std::int64_t>(10);
  CLI::App* bench = app.add_subcommand("bench", "measure speed on this machine");
  bench->require_subcommand(1);
  CLI::App* step =
      bench->add_subcommand("step", "time whole training steps of a config on random tokens");
  add_config_arguments(*step, *arguments);
  step->add_option("--steps", *steps, "timed steps")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  step->footer(
      "Example: mpirun -n 2 mneme bench step configs/tiny/memory_cpu.yaml --set "
      "model.vocabulary=4096");
  bench->footer(
      "Example: mneme bench step configs/tiny/dense_cpu.yaml --set model.vocabulary=4096");
  step->callback([=, &chosen] { chosen = [=] { return bench_step(*arguments, *steps); }; });
}

}  // namespace mneme
