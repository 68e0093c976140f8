#include "study/compare.h"

#include <functional>
#include <map>

#include <fmt/format.h>

#include "base/amount.h"
#include "base/check.h"
#include "train/run_summary.h"

namespace mneme {
namespace {

struct Column {
  RunSummary summary;
  EvalResult eval;
};

std::string cell(bool known, const std::string& text) {
  return known ? text : "-";
}

class Table {
 public:
  explicit Table(const std::vector<Column>& columns) : columns_(columns) {}
  void row(const std::string& name, const std::function<std::string(const Column&)>& value) {
    text_ += fmt::format("{:<34}", name);
    for (const Column& c : columns_) text_ += fmt::format("{:>18}", value(c));
    text_ += "\n";
  }
  const std::string& text() const { return text_; }

 private:
  const std::vector<Column>& columns_;
  std::string text_;
};

/// All names of validation sets and all exposures that any run was asked about, in order.
void add_quality(Table& table, const std::vector<Column>& columns) {
  std::map<std::string, int> sets;
  std::map<std::int64_t, int> exposures;
  for (const Column& c : columns) {
    for (const ValidationReport& v : c.eval.validation) sets[v.name] = 1;
    for (const RecallGroup& r : c.eval.recall) exposures[r.exposures] = 1;
  }
  for (const auto& [name, unused] : sets) {
    table.row("validation loss, " + name, [&, set = name](const Column& c) {
      for (const ValidationReport& v : c.eval.validation) {
        if (v.name == set) return fmt::format("{:.4f}", v.loss);
      }
      return std::string("-");
    });
  }
  for (const auto& [n, unused] : exposures) {
    const std::string name =
        n == 0 ? "recall, unknown people (control)" : "recall of facts in " + counted(n, "text");
    table.row(name, [&, wanted = n](const Column& c) {
      for (const RecallGroup& r : c.eval.recall) {
        if (r.exposures == wanted && r.asked > 0) return fmt::format("{:.3f}", r.share());
      }
      return std::string("-");
    });
  }
}

void add_cost(Table& table) {
  table.row("parameters", [](const Column& c) {
    return fmt::format("{:.2f}M", static_cast<double>(c.summary.parameters) / 1e6);
  });
  table.row("  of them in the pool", [](const Column& c) {
    return fmt::format("{:.2f}M", static_cast<double>(c.summary.pool_parameters) / 1e6);
  });
  table.row("matmul FLOP per token",
            [](const Column& c) { return fmt::format("{:.3g}", c.summary.matmul_flop_per_token); });
  table.row("training time",
            [](const Column& c) { return fmt::format("{:.0f} s", c.summary.train_seconds); });
  table.row("tokens/s",
            [](const Column& c) { return fmt::format("{:.0f}", c.summary.tokens_per_second); });
  table.row("peak memory per rank", [](const Column& c) {
    return fmt::format("{:.0f} MB", static_cast<double>(c.summary.peak_bytes) / 1e6);
  });
  table.row("share of pool rows in use", [](const Column& c) {
    return cell(c.summary.rows_touched >= 0, fmt::format("{:.1f}%", 100 * c.summary.rows_touched));
  });
  table.row("effective rows", [](const Column& c) {
    return cell(c.summary.effective_rows >= 0, fmt::format("{:.0f}", c.summary.effective_rows));
  });
}

}  // namespace

std::string compare_runs(const std::vector<std::filesystem::path>& runs) {
  std::vector<Column> columns;
  for (const std::filesystem::path& run : runs) {
    const auto summary = read_summary(run);
    require(summary.has_value(), Fault::user,
            "{}: no summary.json; wanted the folder of a run that was trained", run.string());
    auto eval = read_eval(run);
    if (eval && eval->step != summary->step) eval.reset();  // of an earlier checkpoint
    columns.push_back({*summary, eval.value_or(EvalResult{})});
  }
  Table table(columns);
  table.row("", [](const Column& c) { return c.summary.name; });
  table.row("steps",
            [](const Column& c) { return fmt::format("{}/{}", c.summary.step, c.summary.steps); });
  add_quality(table, columns);
  add_cost(table);
  return table.text();
}

}  // namespace mneme
