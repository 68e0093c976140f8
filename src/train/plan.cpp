#include "train/plan.h"

#include <cmath>

#include <fmt/format.h>

#include "base/amount.h"
#include "base/table.h"
#include "checkpoint/save.h"
#include "comm/plan_comm.h"

namespace mneme {
namespace {

/// Bytes of the global tensors of a checkpoint.
std::int64_t global_bytes(const std::vector<StateItem>& items) {
  std::int64_t sum = 0;
  for (const StateItem& i : items)
    sum += static_cast<std::int64_t>(byte_count(i.local.type(), i.shape));
  return sum;
}

/// Attention's FLOP per token, forward and backward, with the full causal window: a measuring run
/// knows no documents, which make it less. Forward is 4 per pair and channel, backward 8.
double attention_flop(const RunConfig& c) {
  const double window = (static_cast<double>(c.train.sequence) + 1) / 2;
  const double per_pair = c.model.recompute == Recompute::block ? 16 : 12;
  return per_pair * window *
         static_cast<double>(c.model.blocks * c.model.heads * c.model.resolved_head_width());
}

}  // namespace

std::int64_t Plan::bytes() const {
  std::int64_t sum = 0;
  for (const ArenaLine& a : arenas) sum += a.bytes;
  return sum;
}

Plan measure_plan(Engine& e) {
  e.measure();
  Plan p;
  p.ranks = e.mesh().world().size();
  p.memory_ranks = e.mesh().memory().size();
  p.parameters = e.params().count();
  p.pool_parameters = e.params().count(Group::memory_values);
  const TrainConfig& t = e.config().train;
  const auto tokens = static_cast<double>(t.batch * t.sequence) / static_cast<double>(p.ranks);
  p.flop_per_token = e.cost().matmul_flop / tokens + attention_flop(e.config());
  p.pool_bytes_per_token = e.cost().pool_bytes / tokens;
  for (const char* axis : {"world", "data", "memory"}) {
    p.wire_bytes += static_cast<double>(e.mesh().axis(axis).traffic().bytes());
  }
  p.checkpoint_bytes = global_bytes(e.state_items());
  e.measure_evaluation(e.micro_batch_samples());
  for (const Arena* a : e.arenas().all()) {
    Plan::ArenaLine line{a->name(), static_cast<std::int64_t>(a->peak()), {}};
    for (const Arena::Line& l : a->at_peak())
      line.labels.emplace_back(l.label, static_cast<std::int64_t>(l.bytes));
    p.arenas.push_back(std::move(line));
  }
  return p;
}

Plan make_plan(const RunConfig& config, int ranks) {
  PlanComm world("world", ranks - 1, ranks);
  const Mesh mesh(world, config.mesh);
  Engine engine(config, mesh, Engine::Purpose::train, Arenas::measuring(), 1);
  return measure_plan(engine);
}

std::string to_table(const Plan& p, const RunConfig& config) {
  std::string s = fmt::format("plan of {} on {}, pool columns over {}\n", config.name,
                              counted(p.ranks, "rank"), p.memory_ranks);
  s += fmt::format("  parameters            {:>12}   of them in pools {}\n",
                   parameters_text(p.parameters), parameters_text(p.pool_parameters));
  s += fmt::format(
      "  matmul FLOP per token {:>12.4g}   forward and backward; pool rows never count\n",
      p.flop_per_token);
  s += fmt::format("  pool bytes per token  {:>12}\n",
                   bytes_text(std::llround(p.pool_bytes_per_token)));
  s += fmt::format("  sent per rank, step   {:>12}\n", bytes_text(std::llround(p.wire_bytes)));
  s += fmt::format("  checkpoint            {:>12}\n", bytes_text(p.checkpoint_bytes));
  s += fmt::format("  memory per rank       {:>12}   ({} bytes)\n", bytes_text(p.bytes()),
                   p.bytes());
  for (const Plan::ArenaLine& a : p.arenas) {
    s += fmt::format("    {:<20}{:>12}   ", a.name, bytes_text(a.bytes));
    for (std::size_t i = 0; i < std::min<std::size_t>(3, a.labels.size()); ++i) {
      s += fmt::format("{}{} {}", i > 0 ? ", " : "", a.labels[i].first,
                       bytes_text(a.labels[i].second));
    }
    s += "\n";
  }
  return s;
}

std::string to_table(const std::vector<std::pair<std::string, Plan>>& plans) {
  std::vector<TableRow> rows{{"run", "parameters", "in pools", "FLOP/token", "pool bytes/token",
                              "checkpoint", "memory per rank", "ranks"}};
  for (const auto& [name, p] : plans) {
    rows.push_back(
        {name, parameters_text(p.parameters), parameters_text(p.pool_parameters),
         fmt::format("{:.4g}", p.flop_per_token), bytes_text(std::llround(p.pool_bytes_per_token)),
         bytes_text(p.checkpoint_bytes), bytes_text(p.bytes()), fmt::format("{}", p.ranks)});
  }
  return aligned_table(rows);
}

}  // namespace mneme
