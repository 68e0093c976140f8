#pragma once

#include <string>

namespace mneme {

/// The commit that this program was built from, with "-dirty" where files differed from it.
std::string git_id();

/// What `mneme --version` prints: version and commit, compiler and flags, libraries with their
/// versions, instruction sets in use. Several lines.
std::string version_text();

}  // namespace mneme
