#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace mneme {

/// Whose fault an error is. The value is the process's exit status and the job's abort code.
enum class Fault { user = 2, data = 3, checkpoint = 4, machine = 5, bug = 6 };

/// The exit status of a run that saved its state because it was asked to stop, and can go on.
inline constexpr int exit_interrupted = 75;

/// Every error of the project. `what()` is the sentence for the user; `where()` adds what the
/// thread was doing and the source line, for faults that are not the user's.
class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& message, const char* file, int line);
  Fault fault() const { return fault_; }
  const std::string& where() const { return where_; }

 private:
  Fault fault_;
  std::string where_;
};

/// A format string that remembers where it was written, so that `require` needs no macro.
template <class... A>
struct Message {
  template <class S>
  requires std::convertible_to<const S&, std::string_view>
  consteval Message(const S& s,  // NOLINT(google-explicit-constructor): a literal becomes a message
                    const char* f = __builtin_FILE(),
                    int l = __builtin_LINE())
      : text(s), file(f), line(l) {}
  fmt::format_string<A...> text;
  const char* file;
  int line;
};

/// Throws Error unless `ok`. The message says what was wanted, what was found, and how to mend it.
template <class... A>
constexpr void require(bool ok, Fault fault, Message<std::type_identity_t<A>...> m, A&&... args) {
  if (ok) [[likely]]
    return;
  throw Error(fault, fmt::format(m.text, std::forward<A>(args)...), m.file, m.line);
}

/// Throws Error always.
template <class... A>
[[noreturn]] constexpr void fail(Fault fault, Message<std::type_identity_t<A>...> m, A&&... args) {
  throw Error(fault, fmt::format(m.text, std::forward<A>(args)...), m.file, m.line);
}

}  // namespace mneme
