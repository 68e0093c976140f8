#include "train/metrics_file.h"

#include <nlohmann/json.hpp>
#include <string>

#include "base/hash.h"
#include "base/text_file.h"

namespace mneme {

void MetricsFile::start_after(std::int64_t step) {
  std::string kept;
  std::ifstream in(path_);
  for (std::string text; std::getline(in, text);) {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    // A line cut short by a crash is no JSON: it goes too.
    if (json.is_object() && json.value("step", step + 1) <= step) kept += text + "\n";
  }
  in.close();
  out_.close();
  write_text_atomically(path_, kept);
  out_.open(path_, std::ios::app);
}

void MetricsFile::line(const nlohmann::json& json) {
  out_ << json.dump() << '\n';
  out_.flush();
  if (out_.good()) return;
  has_gaps_ = true;  // later lines are tried again: room may come back
  out_.clear();
}

void MetricsFile::write(const StartReport& r) {
  line({{"kind", "start"},
        {"step", r.step},
        {"ranks", r.ranks},
        {"threads", r.threads},
        {"matmul_flop_per_second", r.matmul_peak}});
}

void MetricsFile::write(const StepReport& r) {
  line({{"kind", "step"},
        {"step", r.step},
        {"loss", r.loss},
        {"lr", r.lr},
        {"lr_values", r.lr_values},
        {"grad_norm", r.clip.norm},
        {"grad_norm_values", r.clip.norm_values},
        {"tokens", r.tokens},
        {"targets", r.targets},
        {"seconds", r.seconds},
        {"matmul_flop", r.matmul_flop},
        {"pool_bytes", r.pool_bytes},
        {"ids_hash", hex(r.ids_hash)}});
  if (!r.use) return;
  nlohmann::json lines = nlohmann::json::array();
  for (const PoolUse::Line& l : r.use->lines) {
    lines.push_back({{"layer", l.layer},
                     {"head", l.head},
                     {"touched", l.touched},
                     {"effective_rows", l.effective_rows}});
  }
  line({{"kind", "use"},
        {"step", r.step},
        {"touched", r.use->touched},
        {"effective_rows", r.use->effective_rows},
        {"heads", lines}});
}

void MetricsFile::write(const ValidationReport& r) {
  line({{"kind", "validation"},
        {"step", r.step},
        {"set", r.name},
        {"loss", r.loss},
        {"bits_per_byte", r.bits_per_byte},
        {"targets", r.targets},
        {"seconds", r.seconds}});
}

void MetricsFile::write(const CheckpointReport& r) {
  line({{"kind", "checkpoint"},
        {"step", r.step},
        {"ok", r.ok},
        {"message", r.message},
        {"bytes", r.bytes},
        {"seconds", r.seconds}});
}

}  // namespace mneme
