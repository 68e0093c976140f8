#include <filesystem>

#include <fmt/format.h>

#include "app/command.h"
#include "base/amount.h"
#include "base/check.h"
#include "checkpoint/folder.h"
#include "checkpoint/verify.h"
#include "train/load_model.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

/// The checkpoints that a path stands for: itself, or all of a run's folder or of a folder of
/// checkpoints.
std::vector<CheckpointEntry> checkpoints_of(const fs::path& path) {
  require(fs::exists(path), Fault::user, "{}: no such checkpoint or run folder", path.string());
  const bool is_one = path.filename().string().find('_') != std::string::npos &&
                      !fs::is_directory(path / "checkpoints") && list_checkpoints(path).empty();
  if (fs::exists(path / Manifest::file_name) || is_one) return {find_checkpoint(path)};
  const fs::path folder = fs::exists(path / "checkpoints") ? path / "checkpoints" : path;
  auto found = list_checkpoints(folder);
  require(!found.empty(), Fault::checkpoint,
          "{}: no checkpoint here; name a run's folder (runs/NAME), or a step_NNNNNN or "
          "weights_NNNNNN in "
          "its checkpoints",
          folder.string());
  return found;
}

/// Defects are told in the table and by the exit status.
int list(const std::string& path) {
  bool all_well = true;
  fmt::print("{:>10}  {:<8} {:>11}  {:>5}  {:<20}  {}\n", "step", "kind", "size", "ranks",
             "written (UTC)", "folder");
  for (const CheckpointEntry& entry : checkpoints_of(path)) {
    if (const auto defect = checkpoint_defect(entry.path)) {
      all_well = false;
      fmt::print("{:>10}  {:<8} cannot be loaded: {}\n", entry.step, enum_name(entry.kind),
                 *defect);
      continue;
    }
    const Manifest m = read_manifest(entry.path);
    fmt::print("{:>10}  {:<8} {:>11}  {:>5}  {:<20}  {}\n", m.step, enum_name(m.kind),
               bytes_text(m.bytes()), m.ranks, m.time, entry.path.string());
  }
  return all_well ? 0 : static_cast<int>(Fault::checkpoint);
}

int show(const std::string& path) {
  const CheckpointEntry entry = find_checkpoint(path);
  const Manifest m = read_manifest(entry.path);
  fmt::print("{}\n  step {}, {}, format {}, {} in {}\n  written by {} on {} at {}, {}\n",
             entry.path.string(), m.step, enum_name(m.kind), m.format_version,
             bytes_text(m.bytes()), counted(std::ssize(m.files), "file"), m.writer, m.host, m.time,
             counted(m.ranks, "rank"));
  fmt::print("\n{}", to_table(m));
  if (m.meta.contains("config")) {
    fmt::print("\nconfig:\n{}", m.meta["config"].get<std::string>());
  }
  return 0;
}

int verify(const std::string& path) {
  int damaged = 0;
  for (const CheckpointEntry& entry : checkpoints_of(path)) {
    const VerifyReport report = verify_checkpoint(entry.path);
    for (const Damage& f : report.findings) {
      fmt::print(stderr, "{}: {}: {}: {}\n", entry.path.string(), f.file, f.dataset, f.what);
    }
    damaged += report.findings.empty() ? 0 : 1;
    if (!report.findings.empty()) continue;
    fmt::print("ok {}: {} in {}, {}, all checksums match\n", entry.path.string(),
               bytes_text(report.bytes), counted(report.files, "file"),
               counted(report.blocks, "block"));
    std::fflush(stdout);
  }
  return damaged == 0 ? 0 : static_cast<int>(Fault::checkpoint);
}

void add_one(CLI::App& parent,
             Action& chosen,
             const std::string& name,
             const std::string& help,
             int (*run)(const std::string&)) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("PATH", *path, "a run's folder, its checkpoints, or one of them")->required();
  command->footer("Example: mneme checkpoint " + name + " runs/tiny_memory");
  command->callback([=, &chosen] { chosen = [=] { return run(*path); }; });
}

}  // namespace

void add_checkpoint(CLI::App& app, Action& chosen) {
  CLI::App* checkpoint = app.add_subcommand("checkpoint", "list, show and verify checkpoints");
  checkpoint->require_subcommand(1);
  checkpoint->footer("Example: mneme checkpoint verify runs/tiny_memory");
  add_one(*checkpoint, chosen, "list", "step, kind, size and time of each checkpoint", list);
  add_one(*checkpoint, chosen, "show", "what is in one (of a run: its newest), and its config",
          show);
  add_one(*checkpoint, chosen, "verify", "read every byte against its checksums", verify);
}

}  // namespace mneme
