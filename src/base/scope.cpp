#include "base/scope.h"

namespace mneme {

// NOLINTNEXTLINE(*-avoid-non-const-global-variables)
thread_local const Scope* Scope::innermost_ = nullptr;

std::string Scope::path() {
  if (innermost_ == nullptr) return "start";
  std::string path;
  for (const Scope* s = innermost_; s != nullptr; s = s->outer_) {
    std::string part = s->name_;
    if (s->index_ >= 0) part += "[" + std::to_string(s->index_) + "]";
    path = path.empty() ? part : part + " > " + path;
  }
  return path;
}

}  // namespace mneme
