#include "study/study_table.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/amount.h"
#include "base/table.h"

namespace mneme {
namespace {

/// Names of validation sets and numbers of exposures that any member was asked about.
struct Questions {
  std::vector<std::string> sets;     // in order of appearance
  std::set<std::int64_t> exposures;  // 0: the control
};

Questions questions_of(const std::vector<MemberResult>& results) {
  Questions q;
  for (const MemberResult& r : results) {
    for (const ValidationConfig& v : r.member->config.data.validation) {
      if (std::find(q.sets.begin(), q.sets.end(), v.name) == q.sets.end()) q.sets.push_back(v.name);
    }
    if (!r.eval) continue;
    for (const RecallGroup& one : r.eval->recall) q.exposures.insert(one.exposures);
  }
  return q;
}

std::optional<double> loss_of(const MemberResult& r, const std::string& set) {
  if (!r.eval) return std::nullopt;
  for (const ValidationReport& v : r.eval->validation) {
    if (v.name == set) return v.loss;
  }
  return std::nullopt;
}

std::optional<double> recall_of(const MemberResult& r, std::int64_t exposures) {
  if (!r.eval) return std::nullopt;
  for (const RecallGroup& one : r.eval->recall) {
    if (one.exposures == exposures && one.asked > 0) return one.share();
  }
  return std::nullopt;
}

std::string cell(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string full(std::optional<double> value) {
  return value ? fmt::format("{}", *value) : "";
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv_line(const TableRow& fields) {
  std::string line;
  for (const std::string& f : fields) line += (&f == fields.data() ? "" : ",") + quoted(f);
  return line + "\n";
}

/// What the run cost, or as many empty fields.
void add_cost(TableRow& row, const std::optional<RunSummary>& s) {
  if (!s) {
    row.resize(row.size() + 5);
    return;
  }
  const auto known = [](double v) { return v < 0 ? std::nullopt : std::optional(v); };
  row.push_back(full(s->train_seconds));
  row.push_back(full(s->tokens_per_second));
  row.push_back(fmt::format("{}", s->peak_bytes));
  row.push_back(full(known(s->rows_touched)));
  row.push_back(full(known(s->effective_rows)));
}

}  // namespace

std::string MemberResult::status() const {
  if (!failure.empty()) return "failed: " + first_line(failure);
  return state.kind == MemberState::Kind::finished ? "finished" : to_text(state, *member);
}

std::vector<MemberResult> read_results(const Study& study,
                                       const std::vector<MemberState>& states,
                                       const std::vector<std::string>& failures) {
  std::vector<MemberResult> results;
  for (std::size_t i = 0; i < study.members.size(); ++i) {
    const Member& m = study.members[i];
    MemberResult r{.member = &m,
                   .state = states[i],
                   .failure = failures[i],
                   .summary = read_summary(m.folder().root),
                   .eval = {}};
    if (states[i].is_evaluated) r.eval = read_eval(m.folder().root);
    results.push_back(std::move(r));
  }
  return results;
}

std::string to_table(const std::vector<MemberResult>& results) {
  const Questions q = questions_of(results);
  TableRow head{"member", "parameters", "pool rows", "FLOP/token"};
  for (const std::string& set : q.sets) head.push_back("loss " + set);
  for (const std::int64_t n : q.exposures)
    head.push_back(n == 0 ? "recall control" : fmt::format("recall {}x", n));
  head.insert(head.end(), {"time", "tokens/s", "peak memory", "rows in use", "status"});
  std::vector<TableRow> rows{head};
  for (const MemberResult& r : results) {
    const Member& m = *r.member;
    TableRow row{m.name, parameters_text(m.plan.parameters), thousands(m.pool_rows()),
                 short_count(m.plan.flop_per_token)};
    for (const std::string& set : q.sets) row.push_back(cell(loss_of(r, set), 4));
    for (const std::int64_t n : q.exposures) row.push_back(cell(recall_of(r, n), 3));
    if (r.summary) {
      const RunSummary& s = *r.summary;
      row.push_back(seconds_text(s.train_seconds));
      row.push_back(fmt::format("{:.0f}", s.tokens_per_second));
      row.push_back(bytes_text(s.peak_bytes));
      row.push_back(s.rows_touched < 0 ? "-" : fmt::format("{:.1f}%", 100 * s.rows_touched));
    } else {
      row.insert(row.end(), {"-", "-", "-", "-"});
    }
    row.push_back(r.status());
    rows.push_back(std::move(row));
  }
  return aligned_table(rows);
}

std::string to_csv(const Study& study, const std::vector<MemberResult>& results) {
  const Questions q = questions_of(results);
  const std::vector<std::string> keys = study.varied_keys();
  TableRow head{"member"};
  head.insert(head.end(), keys.begin(), keys.end());
  head.insert(head.end(), {"ranks", "threads", "steps", "tokens", "parameters", "pool_parameters",
                           "pool_rows", "matmul_flop_per_token"});
  for (const std::string& set : q.sets) head.push_back("loss." + set);
  for (const std::int64_t n : q.exposures) head.push_back(fmt::format("recall.{}", n));
  head.insert(head.end(), {"wall_seconds", "tokens_per_second", "peak_bytes", "rows_in_use",
                           "effective_rows", "status"});
  std::string text = csv_line(head);
  for (const MemberResult& r : results) {
    const Member& m = *r.member;
    const TrainConfig& t = m.config.train;
    TableRow row{m.name};
    for (const std::string& key : keys) {
      const auto at = std::find_if(m.varied.begin(), m.varied.end(),
                                   [&](const auto& v) { return v.first == key; });
      row.push_back(at == m.varied.end() ? "" : at->second);
    }
    row.push_back(fmt::format("{}", study.ranks));
    row.push_back(r.summary ? fmt::format("{}", r.summary->threads) : "");
    row.push_back(fmt::format("{}", r.state.step));
    row.push_back(fmt::format("{}", r.state.step * t.batch * t.sequence));
    row.push_back(fmt::format("{}", m.plan.parameters));
    row.push_back(fmt::format("{}", m.plan.pool_parameters));
    row.push_back(fmt::format("{}", m.pool_rows()));
    row.push_back(full(m.plan.flop_per_token));
    for (const std::string& set : q.sets) row.push_back(full(loss_of(r, set)));
    for (const std::int64_t n : q.exposures) row.push_back(full(recall_of(r, n)));
    add_cost(row, r.summary);
    row.push_back(r.status());
    text += csv_line(row);
  }
  return text;
}

std::string to_plan_table(const Study& study, const std::vector<MemberState>& states) {
  std::vector<TableRow> rows{
      {"member", "parameters", "in the pool", "pool rows", "FLOP/token", "memory/rank", "state"}};
  for (std::size_t i = 0; i < study.members.size(); ++i) {
    const Member& m = study.members[i];
    rows.push_back({m.name, parameters_text(m.plan.parameters),
                    parameters_text(m.plan.pool_parameters), thousands(m.pool_rows()),
                    short_count(m.plan.flop_per_token), bytes_text(m.plan.bytes()),
                    to_text(states[i], m)});
  }
  return aligned_table(rows);
}

}  // namespace mneme
