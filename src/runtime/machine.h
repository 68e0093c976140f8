#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mneme {

/// The processors of this machine, and which of them this process may use.
struct Processors {
  std::string host;          // name of the machine
  std::string model;         // "AMD EPYC 7763 64-Core Processor"
  std::vector<int> allowed;  // logical processors of this process's affinity, ascending
  int logical = 0;           // of the machine
  int cores = 0;             // physical, of the machine; 0: not known
  int packages = 0;          // sockets
  int numa_nodes = 0;
  double quota = 0;                // processors that the control group grants; 0: no limit
  std::vector<std::string> flags;  // avx2, avx512f, amx_tile: those of them that it has
};
Processors processors();
/// How many of them this process may use: its affinity, and no more than the control group's quota.
int usable_processors();

/// Memory that this process could still take, in bytes.
struct MachineMemory {
  std::int64_t total = 0;      // of the machine, or the control group's limit if that is lower
  std::int64_t available = 0;  // of that, not in use
};
MachineMemory machine_memory();

/// "0-3,8,10-11", as the kernel writes sets of processors.
std::string ranges_text(const std::vector<int>& ascending);

}  // namespace mneme
