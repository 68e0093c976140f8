#include "app/version.h"

#include <fmt/format.h>

#include "kernels/instruction_sets.h"

#include "app/git_id.h"
#include "app/libraries.h"
#include "base/build_info.h"
#include "checkpoint/h5_file.h"
#include "comm/mpi_session.h"

namespace mneme {

std::string git_id() {
  return mneme_git_id;
}

std::string version_text() {
  const std::string checks = heavy_checks ? ", heavy checks" : "";
  const std::string sanitized =
      std::string(sanitizers).empty() ? "" : fmt::format(", {}", sanitizers);
  std::string text = fmt::format("mneme {} ({})\n", version, git_id());
  text += fmt::format("compiler   {}, {}{}{}\n", compiler, build_type, checks, sanitized);
  text += fmt::format("flags      {}\n", compiler_flags);
  text += fmt::format("matrices   {}\n", matmul_library());
  text += fmt::format("vectors    {}\n", vector_instructions());
  text += fmt::format("ranks      {}\n", mpi_library());
  text += fmt::format("libraries  HDF5 {}", hdf5_version());
  for (const auto& [name, number] : built_with) text += fmt::format(", {} {}", name, number);
  return text + "\n";
}

}  // namespace mneme
