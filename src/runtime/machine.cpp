#include "runtime/machine.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <sstream>

#include <fmt/format.h>
#include <hwloc.h>
#include <sched.h>
#include <unistd.h>

namespace mneme {
namespace {

/// The machine as hwloc sees it, all of it and not only what this process may use.
class Topology {
 public:
  Topology() {
    if (hwloc_topology_init(&topology_) != 0) return;
    hwloc_topology_set_flags(topology_, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    is_loaded_ = hwloc_topology_load(topology_) == 0;
  }
  ~Topology() { hwloc_topology_destroy(topology_); }
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  int count(hwloc_obj_type_t type) const {
    return is_loaded_ ? std::max(0, hwloc_get_nbobjs_by_type(topology_, type)) : 0;
  }

 private:
  hwloc_topology_t topology_ = nullptr;
  bool is_loaded_ = false;
};

std::vector<int> affinity() {
  // Larger than any machine's; the kernel refuses sets that are too small for it.
  constexpr std::size_t most = 8192;
  cpu_set_t* set = CPU_ALLOC(most);
  const std::size_t bytes = CPU_ALLOC_SIZE(most);
  std::vector<int> allowed;
  if (sched_getaffinity(0, bytes, set) == 0) {
    for (std::size_t p = 0; p < most; ++p) {
      if (CPU_ISSET_S(p, bytes, set)) allowed.push_back(static_cast<int>(p));
    }
  }
  CPU_FREE(set);
  return allowed;
}

/// The value of "key : value" in /proc/cpuinfo, of the first processor.
std::string cpu_info(const std::string& key) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

/// The folder of this process's control group (version 2), where its limits are.
std::string control_group() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return "/sys/fs/cgroup";
}

/// The first word of a file that is there under the group's folder, or where containers see their
/// own group as the root; empty if none is.
std::string limit(const std::string& name, std::string* second = nullptr) {
  for (const std::string& folder : {control_group(), std::string("/sys/fs/cgroup")}) {
    std::ifstream in(folder + "/" + name);
    std::string word, more;
    if (!(in >> word)) continue;
    if (second != nullptr && in >> more) *second = more;
    return word;
  }
  return "";
}

/// "max" and what is not there are no limit: nothing.
double number(const std::string& text) {
  double value = 0;
  std::istringstream in(text);
  return in >> value ? value : 0;
}

}  // namespace

Processors processors() {
  Processors p;
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) == 0) p.host = name.data();
  p.model = cpu_info("model name");
  p.allowed = affinity();
  const Topology topology;
  p.logical = topology.count(HWLOC_OBJ_PU);
  p.cores = topology.count(HWLOC_OBJ_CORE);
  p.packages = topology.count(HWLOC_OBJ_PACKAGE);
  p.numa_nodes = topology.count(HWLOC_OBJ_NUMANODE);
  std::string period;
  const std::string quota = limit("cpu.max", &period);
  if (number(quota) > 0 && number(period) > 0) p.quota = number(quota) / number(period);
  const std::string known = " " + cpu_info("flags") + " ";
  for (const char* flag : {"avx2", "avx512f", "amx_tile"}) {
    if (known.find(fmt::format(" {} ", flag)) != std::string::npos) p.flags.emplace_back(flag);
  }
  return p;
}

int usable_processors() {
  const Processors p = processors();
  const auto allowed = static_cast<double>(p.allowed.size());
  return std::max(1, static_cast<int>(p.quota > 0 ? std::min(allowed, p.quota) : allowed));
}

MachineMemory machine_memory() {
  MachineMemory memory;
  std::ifstream in("/proc/meminfo");
  for (std::string key; in >> key;) {
    std::int64_t kib = 0;
    if (key == "MemTotal:" && in >> kib) memory.total = kib * 1024;
    if (key == "MemAvailable:" && in >> kib) memory.available = kib * 1024;
    in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  const double most = number(limit("memory.max"));
  if (most > 0 && most < static_cast<double>(memory.total)) {
    memory.total = static_cast<std::int64_t>(most);
    const auto used = static_cast<std::int64_t>(number(limit("memory.current")));
    memory.available = std::min(memory.available, memory.total - used);
  }
  return memory;
}

std::string ranges_text(const std::vector<int>& v) {
  std::string text;
  for (std::size_t i = 0; i < v.size();) {
    std::size_t end = i;
    while (end + 1 < v.size() && v[end + 1] == v[end] + 1) ++end;
    text += text.empty() ? "" : ",";
    text += end == i ? fmt::format("{}", v[i]) : fmt::format("{}-{}", v[i], v[end]);
    i = end + 1;
  }
  return text;
}

}  // namespace mneme
