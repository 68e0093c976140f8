#pragma once

#include <string>
#include <vector>

namespace mneme {

/// The cells of a line.
using TableRow = std::vector<std::string>;

/// Lines of text with columns as wide as their widest cell, two spaces apart: the first to the
/// left, the last as it is, the others to the right. All rows have as many cells as the first. For
/// people.
std::string aligned_table(const std::vector<TableRow>& rows);

}  // namespace mneme
