#include "train/validation.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <numbers>

#include "base/check.h"
#include "base/hash.h"
#include "base/scope.h"

namespace mneme {

std::vector<ValidationSet> open_validation_sets(const RunConfig& config,
                                                const Communicator& world,
                                                std::int64_t samples_per_batch,
                                                std::uint64_t tokenizer_hash) {
  std::vector<ValidationSet> sets;
  for (const ValidationConfig& v : config.data.validation) {
    sets.emplace_back(v.name, std::vector<std::filesystem::path>(v.files.begin(), v.files.end()),
                      ValidationOptions{.sequence = config.train.sequence,
                                        .samples_per_batch = samples_per_batch,
                                        .ranks = world.size(),
                                        .rank = world.rank(),
                                        .max_samples = v.max_samples,
                                        .document_mask = config.data.document_mask});
    const TokenFileInfo& made = sets.back().stream().info();
    require(
        made.tokenizer_hash == tokenizer_hash, Fault::data,
        "validation set '{}' ({}) was made with tokenizer {} ({} tokens), but the model reads {}; "
        "hint: prepare it with the tokenizer of the training text",
        v.name, v.files.front(), hex(made.tokenizer_hash), made.vocab_size, hex(tokenizer_hash));
  }
  return sets;
}

ValidationReport measure_validation(Engine& engine, const ValidationSet& set, std::int64_t step) {
  const Scope scope("validate");
  const auto begin = std::chrono::steady_clock::now();
  std::array<double, 2> sums{0, 0};
  for (std::int64_t b = 0; b < set.batches(); ++b) {
    const Batch batch = set.batch(b);
    sums[0] += engine.evaluate(step, batch);
    sums[1] += static_cast<double>(batch.target_count);
  }
  engine.mesh()
      .world()
      .all_reduce(view_of(std::span<double>(sums), {2}), Reduce::sum, engine.exec())
      .wait();
  const double loss = sums[0] / std::max(1.0, sums[1]);
  return {
      .step = step,
      .name = set.name(),
      .loss = loss,
      .bits_per_byte = loss / std::numbers::ln2 / set.bytes_per_target(),
      .targets = static_cast<std::int64_t>(sums[1]),
      .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
}

}  // namespace mneme
