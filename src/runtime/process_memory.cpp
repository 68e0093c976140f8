#include "runtime/process_memory.h"

#include <fstream>
#include <limits>
#include <string>

namespace mneme {

ProcessMemory process_memory() {
  ProcessMemory memory;
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    std::int64_t kib = 0;
    if (key == "VmHWM:" && status >> kib) memory.peak = kib * 1024;
    if (key == "VmRSS:" && status >> kib) memory.now = kib * 1024;
    status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return memory;
}

bool restart_memory_peak() {
  std::ofstream control("/proc/self/clear_refs");
  control << "5";  // of proc(5): VmHWM only
  control.close();
  return control.good();
}

}  // namespace mneme
