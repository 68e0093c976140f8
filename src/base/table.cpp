#include "base/table.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace mneme {

std::string aligned_table(const std::vector<TableRow>& rows) {
  if (rows.empty()) return {};
  std::vector<std::size_t> widths(rows.front().size());
  for (const TableRow& row : rows) {
    require(row.size() == widths.size(), Fault::bug, "a row of {} cells in a table of {} columns",
            row.size(), widths.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const TableRow& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == 0) {
        text += fmt::format("{:<{}}", row[i], widths[i]);
      } else if (i + 1 == row.size()) {
        text += "  " + row[i];
      } else {
        text += fmt::format("  {:>{}}", row[i], widths[i]);
      }
    }
    text += "\n";
  }
  return text;
}

}  // namespace mneme
