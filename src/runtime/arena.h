#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/buffer.h"
#include "tensor/view.h"

namespace mneme {

/// Bump allocator over one allocation. Freeing is by mark, in reverse order, so that lifetimes are
/// visible as C++ scopes. A measuring arena hands out views without memory and only adds up:
/// running the step on it gives the exact peak, by label, before anything is allocated.
class Arena {
 public:
  static constexpr std::size_t alignment = 256;

  struct Line {
    const char* label;
    std::size_t bytes;
  };

  /// An arena of `capacity` bytes; errors call it `name`.
  Arena(std::string name, std::size_t capacity, Device device);
  static Arena measuring(std::string name, Device device = cpu_device);
  Arena(Arena&&) noexcept = default;
  Arena& operator=(Arena&&) noexcept = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() = default;

  /// A tensor with undefined contents (heavy checks: NaN bytes) that lives until the mark around it
  /// is released. `label` must be a literal. Throws Fault::machine when the arena is full.
  View take(DType type, const Shape& shape, const char* label);

  /// Gives back what was taken after its construction when it goes.
  class [[nodiscard]] Mark {
   public:
    explicit Mark(Arena& arena) : arena_(&arena), top_(arena.top_), live_(arena.live_.size()) {}
    ~Mark() { arena_->release(top_, live_); }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;

   private:
    Arena* arena_;
    std::size_t top_;
    std::size_t live_;
  };
  Mark mark() { return Mark(*this); }

  /// The same without a C++ scope: backward gives activations back block by block.
  struct Position {
    std::size_t top = 0;
    std::size_t live = 0;
  };
  Position position() const { return {top_, live_.size()}; }
  void release_to(const Position& p) { release(p.top, p.live); }

  const std::string& name() const { return name_; }
  Device device() const { return device_; }
  bool is_measuring() const { return is_measuring_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t used() const { return top_; }
  std::size_t peak() const { return peak_; }
  /// What was live at the peak, equal labels added up, largest first.
  std::vector<Line> at_peak() const;

 private:
  Arena() = default;
  void release(std::size_t top, std::size_t live) noexcept;

  std::string name_;
  Buffer buffer_;
  std::size_t capacity_ = 0;
  std::size_t top_ = 0;
  std::size_t peak_ = 0;
  std::vector<Line> live_;
  std::vector<Line> at_peak_;
  bool at_peak_is_stale_ = false;
  Device device_;
  bool is_measuring_ = false;
};

}  // namespace mneme
