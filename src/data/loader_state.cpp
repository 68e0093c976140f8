#include "data/loader_state.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/check.h"

namespace mneme {
namespace {

using Json = nlohmann::ordered_json;

/// "/sources/0/files/1/tokens" as "sources[0].files[1].tokens".
std::string readable(const std::string& pointer) {
  std::string text;
  std::size_t at = 1;
  while (at <= pointer.size()) {
    std::size_t end = pointer.find('/', at);
    if (end == std::string::npos) end = pointer.size();
    const std::string part = pointer.substr(at, end - at);
    const bool is_index = part.find_first_not_of("0123456789") == std::string::npos;
    text += is_index ? "[" + part + "]" : (text.empty() ? "" : ".") + part;
    at = end + 1;
  }
  return text;
}

}  // namespace

std::string LoaderState::to_json() const {
  return Json({{"next_sample", next_sample}, {"data", Json::parse(fingerprint)}}).dump();
}

LoaderState LoaderState::from_json(const std::string& json, const std::string& where) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  require(parsed.is_object() && parsed.contains("next_sample") &&
              parsed["next_sample"].is_number_integer() && parsed.contains("data"),
          Fault::checkpoint, "{} holds no state of the data loader", where);
  return {parsed["next_sample"].get<std::int64_t>(), parsed["data"].dump()};
}

std::vector<std::string> fingerprint_differences(const std::string& saved, const std::string& now) {
  const Json before = Json::parse(saved, nullptr, /*allow_exceptions=*/false).flatten();
  const Json after = Json::parse(now, nullptr, /*allow_exceptions=*/false).flatten();
  std::vector<std::string> lines;
  const auto add = [&](const std::string& key) {
    if (key.ends_with("/file")) return;
    const std::string was = before.contains(key) ? before[key].dump() : "absent";
    const std::string is = after.contains(key) ? after[key].dump() : "absent";
    if (was == is) return;
    std::string line = fmt::format("{} was {}, is now {}", readable(key), was, is);
    const std::string name = key.substr(0, key.rfind('/')) + "/file";
    if (after.contains(name)) line += fmt::format(" ({})", after[name].get<std::string>());
    lines.push_back(std::move(line));
  };
  for (const auto& [key, value] : before.items()) add(key);
  for (const auto& [key, value] : after.items()) {
    if (!before.contains(key)) add(key);
  }
  return lines;
}

}  // namespace mneme
