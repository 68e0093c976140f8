#include "generate/decoder.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "comm/self_comm.h"
#include "support/ranks.h"
#include "support/tiny_run.h"

namespace mneme::test {
namespace {

constexpr std::int32_t no_eos = -1;

/// A trained tiny model and decoding from it.
struct Fixture {
  RunConfig config = tiny_config(FfnKind::memory_plus);
  std::unique_ptr<Engine> engine;

  explicit Fixture(const Mesh& mesh) {
    Engine plan(config, mesh, Engine::Purpose::train, Arenas::measuring(), 1);
    plan.measure();
    plan.measure_evaluation(1);
    Decoder::measure(plan, {.batch = 4, .capacity = 24});
    engine = std::make_unique<Engine>(config, mesh, Engine::Purpose::train,
                                      Arenas::sized(plan.arenas()), 1);
    engine->initialise();
    for (int s = 1; s <= 30; ++s) tiny_step(*engine, s);
    engine->settle(30);
  }

  /// The most likely next token by a whole forward pass without a cache, and how far it is ahead.
  std::pair<std::int32_t, float> next_without_cache(const std::vector<std::int32_t>& tokens) {
    const auto n = std::ssize(tokens);
    Batch batch;
    std::vector<std::int32_t> sample = tokens;
    sample.push_back(1);
    append_sample({.sequence = n, .eos = no_eos, .document_mask = true}, sample, batch);
    const auto view = [&](const std::vector<std::int32_t>& v) {
      return view_of(std::span<const std::int32_t>(v), {n});
    };
    std::vector<float> logits(size_of(n * config.model.vocabulary));
    engine->model().logits(engine->exec(), engine->params(),
                           {view(batch.inputs), view(batch.targets), view(batch.positions),
                            view(batch.document_start)},
                           view_of(std::span<float>(logits), {n, config.model.vocabulary}));
    std::vector<float> last(logits.end() - config.model.vocabulary, logits.end());
    const auto best =
        static_cast<std::int32_t>(std::max_element(last.begin(), last.end()) - last.begin());
    std::sort(last.begin(), last.end(), std::greater<>());
    return {best, last[0] - last[1]};
  }
};

TEST(Decoder, TheCachedPathWritesWhatTheWholePassWould) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  Fixture f(mesh);
  Decoder decoder(*f.engine, {.batch = 4, .capacity = 24});
  const std::vector<Decoder::Request> requests{
      {{5, 6, 7}, 0}, {{8}, 1}, {{9, 10, 11, 12, 13, 14}, 2}};
  const auto out = decoder.generate(requests, 10, no_eos, Sampler({}));
  int compared = 0;
  for (std::size_t r = 0; r < requests.size(); ++r) {
    ASSERT_EQ(out[r].size(), 10U);
    std::vector<std::int32_t> tokens = requests[r].prompt;
    for (const std::int32_t token : out[r]) {
      const auto [best, margin] = f.next_without_cache(tokens);
      if (margin > 1e-3F) {  // rounding may decide closer ones otherwise
        EXPECT_EQ(token, best) << "request " << r << " after " << tokens.size() << " tokens";
        ++compared;
      }
      tokens.push_back(token);
    }
  }
  EXPECT_GT(compared, 20);
}

TEST(Decoder, RanksThatShareAPoolWriteTheSameText) {
  const std::vector<Decoder::Request> requests{{{5, 6, 7}, 0}, {{8, 9}, 1}, {{20}, 2}};
  std::vector<std::vector<std::int32_t>> alone;
  for (const int ranks : {1, 2}) {
    std::vector<std::vector<std::int32_t>> got(requests.size());
    run_ranks(ranks, [&](Communicator& world) {
      const Mesh mesh(world, {.data = 1, .memory = ranks});
      Fixture f(mesh);
      Decoder decoder(*f.engine, {.batch = 4, .capacity = 24});
      // Rank 0 has two requests, rank 1 one: it keeps taking part until all are done.
      const std::size_t first = ranks == 2 && world.rank() == 1 ? 2 : 0;
      const std::size_t last = ranks == 2 && world.rank() == 0 ? 2 : 3;
      const auto out = decoder.generate(std::span(requests).subspan(first, last - first), 8, no_eos,
                                        Sampler({}));
      for (std::size_t i = 0; i < out.size(); ++i) got[first + i] = out[i];
    });
    if (alone.empty()) alone = got;
    EXPECT_EQ(got, alone);
  }
}

TEST(Decoder, APromptThatDoesNotFitIsRefused) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  Fixture f(mesh);
  Decoder decoder(*f.engine, {.batch = 1, .capacity = 4});
  const std::vector<Decoder::Request> request{{{1, 2, 3, 4, 5}, 0}};
  EXPECT_THROW(decoder.generate(request, 3, no_eos, Sampler({})), Error);
}

TEST(Sampler, DrawsFollowTheProbabilitiesAndTheCuts) {
  const std::vector<float> logits{0, std::log(2.0F), std::log(5.0F), -100};
  const Sampler all({.temperature = 1, .seed = 3});
  std::array<int, 4> counts{};
  for (int i = 0; i < 8000; ++i) ++counts[static_cast<std::size_t>(all.choose(logits, i, 0))];
  for (const auto& [token, p] : {std::pair{0, 1.0 / 8}, {1, 2.0 / 8}, {2, 5.0 / 8}}) {
    const double five_sigma = 5 * std::sqrt(8000 * p * (1 - p));
    EXPECT_NEAR(counts[static_cast<std::size_t>(token)], 8000 * p, five_sigma);
  }
  const Sampler best({.temperature = 1, .top_k = 1});
  const Sampler nucleus({.temperature = 1, .top_p = 0.6});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(best.choose(logits, i, 0), 2);
    EXPECT_EQ(nucleus.choose(logits, i, 0), 2);
  }
}

}  // namespace
}  // namespace mneme::test
