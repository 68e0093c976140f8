#pragma once

#include <cstdint>
#include <string>

namespace mneme {

/// Names what the thread is doing. One object gives the breadcrumb in error messages and the label
/// of a trace; it allocates nothing. `name` must outlive the scope (a literal).
class Scope {
 public:
  explicit Scope(const char* name, std::int64_t index = -1) noexcept
      : name_(name), index_(index), outer_(innermost_) {
    innermost_ = this;
  }
  ~Scope() { innermost_ = outer_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// "step[120] > layers[4] > memory > pool_read", or "start" outside every scope.
  static std::string path();

 private:
  const char* name_;
  std::int64_t index_;
  const Scope* outer_;
  // The one mutable global of the project: what this thread is doing, for error messages.
  // NOLINTNEXTLINE(*-avoid-non-const-global-variables,*-identifier-naming)
  static thread_local const Scope* innermost_;
};

}  // namespace mneme
