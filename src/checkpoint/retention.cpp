#include "checkpoint/retention.h"

#include "base/check.h"
#include "checkpoint/folder.h"

namespace mneme {

void RetentionConfig::describe(Schema<RetentionConfig>& s) {
  s.field("keep_last", &RetentionConfig::keep_last, "checkpoints",
          "newest checkpoints that are kept", positive(), free_to_change())
      .field("keep_every", &RetentionConfig::keep_every, "steps",
             "checkpoints at multiples of this step are kept for ever; 0: none", non_negative(),
             free_to_change())
      .field("weights_every", &RetentionConfig::weights_every, "steps",
             "at multiples of this step a copy of the weights alone is written and kept; 0: never",
             non_negative(), free_to_change());
}

Pruned prune_checkpoints(const std::filesystem::path& folder, const RetentionConfig& config) {
  require(config.keep_last >= 1, Fault::bug, "keep_last is {}", config.keep_last);
  Pruned pruned;
  const std::vector<CheckpointEntry> entries = list_checkpoints(folder);
  std::int64_t good = 0;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->kind != CheckpointKind::full || checkpoint_defect(entry->path)) continue;
    if (++good <= config.keep_last) continue;
    if (config.keep_every > 0 && entry->step % config.keep_every == 0) continue;
    try {
      remove_checkpoint(entry->path);
      pruned.removed.push_back(entry->path.filename().string());
    } catch (const Error& e) {
      pruned.problems.emplace_back(e.what());
    }
  }
  return pruned;
}

}  // namespace mneme
