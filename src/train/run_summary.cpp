#include "train/run_summary.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/text_file.h"

namespace mneme {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunSummary,
                                   name,
                                   step,
                                   steps,
                                   ranks,
                                   threads,
                                   parameters,
                                   pool_parameters,
                                   matmul_flop_per_token,
                                   train_seconds,
                                   tokens_per_second,
                                   planned_bytes,
                                   peak_bytes,
                                   before_bytes,
                                   rows_touched,
                                   effective_rows)

namespace {

using Json = nlohmann::json;

void write(const std::filesystem::path& path, const Json& json) {
  write_text_atomically(path, json.dump(2) + "\n");
}

/// f(json) of a file, or nothing if there is none.
template <class F>
auto read(const std::filesystem::path& path, F&& f) -> std::optional<decltype(f(Json()))> {
  std::ifstream in(path);
  if (!in.good()) return std::nullopt;
  try {
    return f(Json::parse(in));
  } catch (const Json::exception& e) {
    fail(Fault::data, "{} is not what mneme writes there: {}", path.string(), e.what());
  }
}

}  // namespace

void write_summary(const std::filesystem::path& run, const RunSummary& summary) {
  write(run / "summary.json", summary);
}

void write_eval(const std::filesystem::path& run, const EvalResult& result) {
  Json json{{"step", result.step}, {"validation", Json::array()}, {"recall", Json::array()}};
  for (const ValidationReport& v : result.validation) {
    json["validation"].push_back({{"set", v.name},
                                  {"loss", v.loss},
                                  {"bits_per_byte", v.bits_per_byte},
                                  {"targets", v.targets}});
  }
  for (const RecallGroup& r : result.recall) {
    json["recall"].push_back(
        {{"exposures", r.exposures}, {"asked", r.asked}, {"recalled", r.recalled}});
  }
  write(run / "eval.json", json);
}

std::optional<RunSummary> read_summary(const std::filesystem::path& run) {
  return read(run / "summary.json",
              [](const Json& j) { return j.is_null() ? RunSummary{} : j.get<RunSummary>(); });
}

std::optional<EvalResult> read_eval(const std::filesystem::path& run) {
  return read(run / "eval.json", [](const Json& j) {
    EvalResult result;
    if (j.is_null()) return result;
    result.step = j.at("step");
    for (const Json& v : j.at("validation")) {
      ValidationReport r;
      r.step = result.step;
      r.name = v.at("set");
      r.loss = v.at("loss");
      r.bits_per_byte = v.at("bits_per_byte");
      r.targets = v.at("targets");
      result.validation.push_back(std::move(r));
    }
    for (const Json& r : j.at("recall")) {
      result.recall.push_back({r.at("exposures"), r.at("asked"), r.at("recalled")});
    }
    return result;
  });
}

StepTimes step_times(const std::filesystem::path& metrics, std::int64_t step) {
  StepTimes times;
  std::ifstream in(metrics);
  for (std::string text; std::getline(in, text);) {
    const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || json.value("step", step + 1) > step) continue;
    const std::string kind = json.value("kind", "");
    if (kind == "step") {
      times.seconds += json.value("seconds", 0.0);
      ++times.steps;
    } else if (kind == "use") {
      times.rows_touched = json.value("touched", -1.0);
      times.effective_rows = json.value("effective_rows", -1.0);
    }
  }
  return times;
}

}  // namespace mneme
