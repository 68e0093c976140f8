#include "base/check.h"

#include "base/scope.h"

namespace mneme {

Error::Error(Fault fault, const std::string& message, const char* file, int line)
    : std::runtime_error(message),
      fault_(fault),
      where_(fmt::format("  while: {}\n  at:    {}:{}", Scope::path(), file, line)) {}

}  // namespace mneme
