#pragma once

#include <cstdint>

namespace mneme {

/// Memory of this process as the kernel counts it, in bytes; 0 where it does not tell.
struct ProcessMemory {
  std::int64_t now = 0;   // VmRSS
  std::int64_t peak = 0;  // VmHWM
};
ProcessMemory process_memory();

/// Begins the count of the peak anew, from what is in use now: for a process that does one thing
/// after another. False where the kernel does not allow it; the peak is then that of them all.
bool restart_memory_peak();

}  // namespace mneme
