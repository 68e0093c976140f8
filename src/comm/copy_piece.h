#pragma once

#include <cstddef>
#include <cstring>
#include <span>

#include "base/check.h"

namespace mneme {

/// Copies a piece inside one process. A piece that is already in its place is left alone; the two
/// do not overlap otherwise.
inline void copy_piece(std::span<const std::byte> from, std::span<std::byte> to, const char* op) {
  require(from.size() == to.size(), Fault::bug, "{}: a piece of {} bytes was sent, {} were awaited",
          op, from.size(), to.size());
  if (from.empty() || from.data() == to.data()) return;
  std::memcpy(to.data(), from.data(), from.size());
}

}  // namespace mneme
