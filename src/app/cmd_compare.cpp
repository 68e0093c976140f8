#include <filesystem>

#include <fmt/format.h>

#include "app/command.h"
#include "study/compare.h"

namespace mneme {

void add_compare(CLI::App& app, Action& chosen) {
  auto runs = std::make_shared<std::vector<std::filesystem::path>>();
  CLI::App* command =
      app.add_subcommand("compare", "put runs side by side: quality, cost, use of the pool");
  command->add_option("RUN", *runs, "folders of runs")->required();
  command->footer("Example: mneme compare runs/tiny_dense runs/tiny_memory");
  command->callback([runs, &chosen] {
    chosen = [runs] {
      fmt::print("{}", compare_runs(*runs));
      return 0;
    };
  });
}

}  // namespace mneme
