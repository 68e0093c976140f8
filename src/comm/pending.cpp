#include "comm/pending.h"

#include <cstdio>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/scope.h"

namespace mneme {

Pending::Pending(std::unique_ptr<Work> work)
    : work_(std::move(work)), exceptions_at_start_(std::uncaught_exceptions()) {}

Pending::~Pending() {
  finish();
}

Pending::Pending(Pending&& other) noexcept
    : work_(std::move(other.work_)), exceptions_at_start_(other.exceptions_at_start_) {}

Pending& Pending::operator=(Pending&& other) noexcept {
  if (this == &other) return *this;
  finish();
  work_ = std::move(other.work_);
  exceptions_at_start_ = other.exceptions_at_start_;
  return *this;
}

void Pending::wait() {
  // Taken out first: after a failed wait nothing is left for the destructor to fail on again.
  const std::unique_ptr<Work> work = std::move(work_);
  if (work != nullptr) work->wait();
}

void Pending::finish() noexcept {
  if (work_ == nullptr || std::uncaught_exceptions() > exceptions_at_start_) return;
  try {
    wait();
  } catch (const std::exception& e) {
    fmt::print(stderr, "a communication that nobody waited for failed: {}\n  while: {}\n", e.what(),
               Scope::path());
    std::terminate();
  }
}

}  // namespace mneme
