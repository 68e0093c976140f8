#pragma once

#include <cstdint>

namespace mneme {

/// Memory of this process as the kernel counts it, in bytes; 0 where it does not tell.
struct ProcessMemory {
  std::int64_t now = 0;   // VmRSS
  std::int64_t peak = 0;  // VmHWM
};
ProcessMemory process_memory();

}  // namespace mneme
