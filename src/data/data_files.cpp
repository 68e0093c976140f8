#include "data/data_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

bool is_at_or_below(std::string_view key, std::string_view group) {
  return key == group || (key.starts_with(group) && key.substr(group.size()).starts_with("."));
}

/// Key and path of every file that the config names.
std::vector<std::pair<std::string, std::string>> named_files(const DataConfig& config) {
  std::vector<std::pair<std::string, std::string>> named;
  const auto add = [&](const char* group, std::size_t of, const std::vector<std::string>& files) {
    for (std::size_t i = 0; i < files.size(); ++i)
      named.emplace_back(fmt::format("data.{}.{}.files.{}", group, of, i), files[i]);
  };
  for (std::size_t i = 0; i < config.train.size(); ++i) add("train", i, config.train[i].files);
  for (std::size_t i = 0; i < config.validation.size(); ++i)
    add("validation", i, config.validation[i].files);
  if (!config.tokenizer.empty() && config.tokenizer != "bytes")
    named.emplace_back("data.tokenizer", config.tokenizer);
  if (!config.probes.empty()) named.emplace_back("data.probes", config.probes);
  return named;
}

bool is_absent(const std::string& path) {
  std::error_code unused;
  return fs::status(path, unused).type() == fs::file_type::not_found;
}

}  // namespace

std::string AbsentFile::line() const {
  return fmt::format("{}: there is no file '{}'", fmt::join(keys, ", "), path);
}

std::vector<AbsentFile> absent_files(const DataConfig& config,
                                     std::initializer_list<std::string_view> keys) {
  std::vector<AbsentFile> absent;
  for (const auto& named : named_files(config)) {
    const std::string& key = named.first;
    const bool is_wanted =
        keys.size() == 0 || std::any_of(keys.begin(), keys.end(), [&](std::string_view group) {
          return is_at_or_below(key, group);
        });
    if (!is_wanted || !is_absent(named.second)) continue;
    const auto same = std::find_if(absent.begin(), absent.end(),
                                   [&](const AbsentFile& f) { return f.path == named.second; });
    if (same == absent.end()) {
      absent.push_back({named.second, {key}});
    } else {
      same->keys.push_back(key);
    }
  }
  return absent;
}

std::string absent_hint(std::span<const AbsentFile> files) {
  constexpr std::array<std::pair<const char*, const char*>, 4> makers{
      {{"data.train", "`mneme prep text` makes token files"},
       {"data.validation", "`mneme prep text` makes token files"},
       {"data.tokenizer", "`mneme tokenizer train` makes tokenizers"},
       {"data.probes", "`mneme prep facts` makes probes"}}};
  std::vector<std::string> sentences;
  const bool is_relative = std::any_of(files.begin(), files.end(), [](const AbsentFile& f) {
    return fs::path(f.path).is_relative();
  });
  if (is_relative)
    sentences.push_back(
        fmt::format("relative paths are taken from the folder that mneme is started in, here {}",
                    fs::current_path().string()));
  for (const auto& [group, text] : makers) {
    for (const AbsentFile& f : files) {
      const bool is_of_group = is_at_or_below(f.keys.front(), group);
      const bool is_told = std::find(sentences.begin(), sentences.end(), text) != sentences.end();
      if (is_of_group && !is_told) sentences.emplace_back(text);
    }
  }
  return fmt::format("{}", fmt::join(sentences, "; "));
}

void require_files(const DataConfig& config, std::initializer_list<std::string_view> keys) {
  const std::vector<AbsentFile> absent = absent_files(config, keys);
  if (absent.empty()) return;
  std::string lines;
  for (const AbsentFile& f : absent) lines += f.line() + "\n";
  fail(Fault::user, "{}  hint: {}", lines, absent_hint(absent));
}

}  // namespace mneme
