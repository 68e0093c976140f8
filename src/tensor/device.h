#pragma once

#include <cstdint>

namespace mneme {

/// Where memory lives and work runs. The index counts the devices of this machine that this process
/// sees; it is never derived from a rank.
struct Device {
  enum class Kind : std::uint8_t { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;
  friend bool operator==(const Device&, const Device&) = default;
};

inline constexpr Device cpu_device{};

}  // namespace mneme
