#pragma once

#include <memory>

namespace mneme {

/// Communication that was started and must be waited for; until then its views may be neither
/// changed nor read. A default Pending has nothing left to do.
///
/// `wait` throws what went wrong. The destructor waits too but never throws: a failure there is
/// printed with its breadcrumb and ends the process. While an exception passes through, it does not
/// wait: the other ranks may never answer, and the exception's own message must come first.
class [[nodiscard]] Pending {
 public:
  /// What a back end still has to do.
  class Work {
   public:
    Work() = default;
    virtual ~Work() = default;
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    virtual void wait() = 0;
  };

  Pending() = default;
  explicit Pending(std::unique_ptr<Work> work);
  ~Pending();
  Pending(Pending&& other) noexcept;
  Pending& operator=(Pending&& other) noexcept;  // waits for what it held before
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  void wait();

 private:
  void finish() noexcept;

  std::unique_ptr<Work> work_;
  int exceptions_at_start_ = 0;
};

}  // namespace mneme
