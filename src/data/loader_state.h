#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mneme {

/// The loader's whole state. It does not depend on ranks.
struct LoaderState {
  std::int64_t next_sample = 0;  // of the run's one order: how many samples have been trained on
  std::string fingerprint;       // JSON: what the order and the data are made of

  std::string to_json() const;
  /// Fault::checkpoint when `json` is not what to_json wrote; `where` names its place.
  static LoaderState from_json(const std::string& json, const std::string& where);
};

/// What differs between two fingerprints, one line each: "sources[0].files[1].content_hash was
/// 00ff..., is now 1234...". Names of files may differ: equal content counts as equal.
std::vector<std::string> fingerprint_differences(const std::string& saved, const std::string& now);

}  // namespace mneme
