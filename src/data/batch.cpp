#include "data/batch.h"

#include "base/check.h"
#include "base/math.h"

namespace mneme {

void append_sample(const SampleRules& rules, std::span<const std::int32_t> tokens, Batch& batch) {
  const auto n = std::ssize(tokens);
  require(n <= rules.sequence + 1, Fault::bug, "a sample of {} tokens, wanted at most {}", n,
          rules.sequence + 1);
  batch.sequence = rules.sequence;
  const auto base = narrow<std::int32_t>(batch.tokens());
  std::int32_t start = 0;  // of the document, in the sample
  for (std::int32_t s = 0; s < rules.sequence; ++s) {
    const bool is_real = s < n;
    const std::int32_t input = is_real ? tokens[size_of(s)] : rules.eos;
    const bool starts =
        rules.document_mask && s > 0 && s <= n && (s == n || tokens[size_of(s) - 1] == rules.eos);
    if (starts) start = s;
    const bool has_target = s + 1 < n && !(rules.document_mask && input == rules.eos);
    batch.inputs.push_back(input);
    batch.targets.push_back(has_target ? tokens[size_of(s) + 1] : ignored_target);
    batch.positions.push_back(s - start);
    batch.document_start.push_back(base + start);
    if (has_target) ++batch.target_count;
  }
  ++batch.samples;
}

}  // namespace mneme
