#include "optim/optimizer_config.h"

#include <optional>

#include <fmt/format.h>

namespace mneme {
namespace {

double peak_lr(const OptimizerConfig& c, Group group) {
  return c.group(group).lr.value_or(c.lr);
}

double weight_decay_of(const OptimizerConfig& c, Group group) {
  const bool decays = group == Group::matrices || group == Group::embedding;
  return c.group(group).weight_decay.value_or(decays ? c.weight_decay : 0.0);
}

/// Each step multiplies weights with 1 - lr*weight_decay: at 0 or below it no longer shrinks them.
/// The first group where that is so.
std::optional<Group> overdecayed(const OptimizerConfig& c) {
  for (const Group group : {Group::matrices, Group::vectors, Group::embedding, Group::memory_keys,
                            Group::memory_values}) {
    if (peak_lr(c, group) * weight_decay_of(c, group) >= 1) return group;
  }
  return std::nullopt;
}

std::string overdecay_hint(const OptimizerConfig& c) {
  const Group group = *overdecayed(c);
  return fmt::format("for {} they are {} and {}", enum_name(group), weight_decay_of(c, group),
                     peak_lr(c, group));
}

}  // namespace

void OptimizerConfig::describe(Schema<OptimizerConfig>& s) {
  s.field("lr", &OptimizerConfig::lr, "1/step", "peak learning rate", positive())
      .field("beta1", &OptimizerConfig::beta1, "", "decay of the first moment", in_range(0, 0.9999))
      .field("beta2", &OptimizerConfig::beta2, "", "decay of the second moment",
             in_range(0, 0.999999))
      .field("eps", &OptimizerConfig::eps, "", "added to the root of the second moment", positive())
      .field("weight_decay", &OptimizerConfig::weight_decay, "1/step",
             "decoupled decay, times lr, of matrices and embedding; other groups have 0 unless set",
             non_negative())
      .field("schedule", &OptimizerConfig::schedule, "", "the learning rate over the run")
      .field("clip", &OptimizerConfig::clip, "",
             "largest norm of the gradient of everything but the pool's rows", positive())
      .field("clip_values", &OptimizerConfig::clip_values, "",
             "largest norm of the gradient of the pool's rows", positive())
      .field(
          "pool_update", &OptimizerConfig::pool_update, "",
          "dense: AdamW on all rows in every step; exact: the same to rounding, touching only rows "
          "that are read; lazy: moments and decay of unread rows wait, which is another optimizer")
      .field("matrices", &OptimizerConfig::matrices, "",
             "attention, FFN and gate matrices, queries")
      .field("vectors", &OptimizerConfig::vectors, "", "gains and biases")
      .field("embedding", &OptimizerConfig::embedding, "", "embedding and output head")
      .field("memory_keys", &OptimizerConfig::memory_keys, "", "keys of the memory layers")
      .field("memory_values", &OptimizerConfig::memory_values, "", "rows of the pool")
      .together(
          "weight_decay times lr must be below 1 in every group",
          [](const OptimizerConfig& c) { return !overdecayed(c); }, overdecay_hint);
}

const GroupConfig& OptimizerConfig::group(Group g) const {
  switch (g) {
    case Group::matrices:
      return matrices;
    case Group::vectors:
      return vectors;
    case Group::embedding:
      return embedding;
    case Group::memory_keys:
      return memory_keys;
    case Group::memory_values:
      return memory_values;
    case Group::statistics:
      break;
  }
  fail(Fault::bug, "the group {} is not trained", enum_name(g));
}

AdamWStep adamw_step(const OptimizerConfig& c, Group group, std::int64_t step, std::int64_t steps) {
  const GroupConfig& g = c.group(group);
  const double factor =
      g.schedule == FollowSchedule::follow ? schedule_factor(c.schedule, step, steps) : 1.0;
  return {.lr = peak_lr(c, group) * factor,
          .beta1 = g.beta1.value_or(c.beta1),
          .beta2 = g.beta2.value_or(c.beta2),
          .eps = c.eps,
          .weight_decay = weight_decay_of(c, group),
          .step = step};
}

}  // namespace mneme
