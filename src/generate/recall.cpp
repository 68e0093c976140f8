#include "generate/recall.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/scope.h"

namespace mneme {
namespace {

/// Greedy tokens that could hold the answer: no token is shorter than a byte, few are.
std::int64_t answer_tokens(const Tokenizer& tokenizer, const FactProbe& p) {
  return std::ssize(tokenizer.encode(p.answer)) + 2;
}

}  // namespace

Decoder::Options recall_options(const Tokenizer& tokenizer, std::span<const FactProbe> probes) {
  std::int64_t longest = 1;
  for (const FactProbe& p : probes) {
    longest =
        std::max(longest, std::ssize(tokenizer.encode(p.prompt)) + answer_tokens(tokenizer, p));
  }
  return {.batch = 64, .capacity = longest + 1};
}

std::vector<RecallGroup> measure_recall(Engine& engine,
                                        const Tokenizer& tokenizer,
                                        std::span<const FactProbe> probes,
                                        const Decoder::Options& options) {
  const Scope scope("recall");
  Communicator& world = engine.mesh().world();
  const Sampler greedy({});
  Decoder decoder(engine, options);
  std::map<std::int64_t, RecallGroup> groups;
  for (const FactProbe& p : probes) groups[p.exposures] = {p.exposures, 0, 0};
  const Range mine = block_of(std::ssize(probes), world.rank(), world.size());
  const std::int64_t longest = block_of(std::ssize(probes), world.size() - 1, world.size()).count();
  for (std::int64_t first = 0; first < std::max<std::int64_t>(longest, 1); first += options.batch) {
    const std::int64_t begin = std::min(mine.last, mine.first + first);
    const auto part =
        probes.subspan(size_of(begin), size_of(std::min(options.batch, mine.last - begin)));
    std::vector<Decoder::Request> requests;
    std::int64_t most = 1;
    for (const FactProbe& p : part) {
      requests.push_back({tokenizer.encode(p.prompt), 0});
      most = std::max(most, answer_tokens(tokenizer, p));
    }
    const auto continued = decoder.generate(requests, most, tokenizer.eos(), greedy);
    for (std::size_t i = 0; i < part.size(); ++i) {
      RecallGroup& g = groups[part[i].exposures];
      ++g.asked;
      g.recalled += tokenizer.decode(continued[i]).starts_with(part[i].answer) ? 1 : 0;
    }
  }
  std::vector<RecallGroup> all;
  for (auto& [exposures, g] : groups) {
    std::array<std::int64_t, 2> sums{g.asked, g.recalled};
    world.all_reduce(view_of(std::span<std::int64_t>(sums), {2}), Reduce::sum, engine.exec())
        .wait();
    all.push_back({exposures, sums[0], sums[1]});
  }
  return all;
}

}  // namespace mneme
