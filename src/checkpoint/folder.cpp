#include "checkpoint/folder.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/check.h"
#include "base/file.h"
#include "base/math.h"
#include "checkpoint/outcome.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_ending = ".tmp";
constexpr std::string_view replaced_ending = ".old";

constexpr std::string_view stem(CheckpointKind kind) {
  return kind == CheckpointKind::full ? "step_" : "weights_";
}

std::optional<CheckpointEntry> entry_of(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const auto& [kind, text] : EnumNames<CheckpointKind>::table) {
    if (!name.starts_with(stem(kind))) continue;
    CheckpointEntry entry{.step = 0, .kind = kind, .path = path};
    const char* digits = name.data() + stem(kind).size();
    const auto [end, error] = std::from_chars(digits, name.data() + name.size(), entry.step);
    if (error == std::errc() && checkpoint_name(kind, entry.step) == name) return entry;
  }
  return std::nullopt;
}

void remove_folder(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  require(!error, Fault::machine, "cannot remove {}: {}", path.string(), error.message());
}

void rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  require(!error, Fault::machine, "cannot rename {} to {}: {}", from.string(),
          to.filename().string(), error.message());
}

/// The path without the ending, if it names a checkpoint.
std::optional<fs::path> without(const fs::path& path, std::string_view ending) {
  const std::string name = path.filename().string();
  if (!name.ends_with(ending)) return std::nullopt;
  const fs::path rest = path.parent_path() / name.substr(0, name.size() - ending.size());
  return entry_of(rest) ? std::optional(rest) : std::nullopt;
}

}  // namespace

std::string checkpoint_name(CheckpointKind kind, std::int64_t step) {
  return fmt::format("{}{:06}", stem(kind), step);
}

fs::path temporary_path(const fs::path& checkpoint) {
  return checkpoint.string() + std::string(temporary_ending);
}

fs::path replaced_path(const fs::path& checkpoint) {
  return checkpoint.string() + std::string(replaced_ending);
}

std::vector<CheckpointEntry> list_checkpoints(const fs::path& folder) {
  std::vector<CheckpointEntry> entries;
  if (!fs::is_directory(folder)) return entries;
  for (const auto& found : fs::directory_iterator(folder)) {
    const auto entry = entry_of(found.path());
    if (entry && found.is_directory()) entries.push_back(*entry);
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.step, a.kind) < std::pair(b.step, b.kind);
  });
  return entries;
}

std::optional<std::string> checkpoint_defect(const fs::path& checkpoint) {
  const auto problem = attempt([&] {
    for (const FileRecord& file : read_manifest(checkpoint).files) {
      const fs::path path = checkpoint / file.name;
      require(fs::is_regular_file(path), Fault::checkpoint, "{} is missing", path.string());
      const std::int64_t bytes = File::open_to_read(path, checkpoint_faults).size();
      require(bytes == file.bytes, Fault::checkpoint, "{} has {} bytes, but {} were written",
              path.string(), bytes, file.bytes);
    }
  });
  return problem ? std::optional(problem->message) : std::nullopt;
}

std::string LatestCheckpoint::reasons() const {
  std::string text;
  for (const std::string& why : skipped) text += "\n  " + why;
  return text;
}

LatestCheckpoint latest_checkpoint(const fs::path& folder) {
  LatestCheckpoint latest;
  std::vector<CheckpointEntry> entries = list_checkpoints(folder);
  std::erase_if(entries, [](const auto& e) { return e.kind != CheckpointKind::full; });
  for (auto entry = entries.rbegin(); entry != entries.rend() && !latest.entry; ++entry) {
    if (const auto defect = checkpoint_defect(entry->path)) {
      latest.skipped.push_back(
          fmt::format("{} is passed over: {}", entry->path.filename().string(), *defect));
    } else {
      latest.entry = *entry;
    }
  }
  return latest;
}

LatestCheckpoint latest_checkpoint(Communicator& world, const fs::path& folder) {
  Agreement agreement(world);
  LatestCheckpoint latest;
  nlohmann::json found;
  agreement.together([&] {
    if (world.rank() != 0) return;
    latest = latest_checkpoint(folder);
    found["step"] = latest.entry ? latest.entry->step : -1;
    found["skipped"] = latest.skipped;
  });
  found = nlohmann::json::parse(agreement.from_first(found.dump()));
  latest.skipped = found["skipped"].get<std::vector<std::string>>();
  const auto step = found["step"].get<std::int64_t>();
  if (step < 0) return {std::nullopt, latest.skipped};
  latest.entry = {step, CheckpointKind::full, folder / checkpoint_name(CheckpointKind::full, step)};
  return latest;
}

std::vector<std::string> clean_leftovers(const fs::path& folder) {
  std::vector<std::string> done;
  if (!fs::is_directory(folder)) return done;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  for (const fs::path& path : found) {
    const std::string name = path.filename().string();
    const auto replaced = without(path, replaced_ending);
    if (replaced && !fs::exists(*replaced)) {
      rename_folder(path, *replaced);
      done.push_back(fmt::format("{} is back: its replacement was never finished",
                                 replaced->filename().string()));
    } else if (replaced || without(path, temporary_ending)) {
      remove_folder(path);
      done.push_back(fmt::format("{} is removed: it was never finished", name));
    }
  }
  return done;
}

void remove_checkpoint(const fs::path& checkpoint) {
  const fs::path dying = temporary_path(checkpoint);
  remove_folder(dying);
  rename_folder(checkpoint, dying);
  remove_folder(dying);
}

}  // namespace mneme
