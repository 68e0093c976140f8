#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/command.h"
#include "base/check.h"
#include "study/compare.h"

namespace mneme {
namespace {

/// The folders among `paths`, for `compare runs/rows/*`, where a table lies beside the runs.
std::vector<std::filesystem::path> without_files(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::filesystem::path> folders;
  std::vector<std::string> files;
  for (const std::filesystem::path& p : paths) {
    if (std::filesystem::is_regular_file(p)) {
      files.push_back(p.string());
    } else {
      folders.push_back(p);
    }
  }
  require(!folders.empty(), Fault::user,
          "there is nothing to compare: no folder of a run is among {}", fmt::join(files, ", "));
  if (!files.empty())
    fmt::print(stderr, "passed over, no folders of runs: {}\n", fmt::join(files, ", "));
  return folders;
}

}  // namespace

void add_compare(CLI::App& app, Action& chosen) {
  auto runs = std::make_shared<std::vector<std::filesystem::path>>();
  CLI::App* command =
      app.add_subcommand("compare", "put runs side by side: quality, cost, use of the pool");
  command->add_option("RUN", *runs, "folders of runs; plain files among them are passed over")
      ->required();
  command->footer("Example: mneme compare runs/tiny_dense runs/tiny_memory");
  command->callback([runs, &chosen] {
    chosen = [runs] {
      fmt::print("{}", compare_runs(without_files(*runs)));
      return 0;
    };
  });
}

}  // namespace mneme
