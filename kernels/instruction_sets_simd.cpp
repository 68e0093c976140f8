#include <hwy/highway.h>
#include <hwy/targets.h>

#include "kernels/instruction_sets.h"

namespace mneme {

std::string vector_instructions() {
  const auto usable = static_cast<std::int64_t>(hwy::SupportedTargets()) & HWY_TARGETS;
  return hwy::TargetName(usable & -usable);  // the best one is the lowest bit
}

}  // namespace mneme
