#include "runtime/arena.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "base/build_info.h"

namespace mneme {

Arena::Arena(std::string name, std::size_t capacity, Device device)
    : name_(std::move(name)), buffer_(capacity, device), capacity_(capacity), device_(device) {}

Arena Arena::measuring(std::string name, Device device) {
  Arena arena;
  arena.name_ = std::move(name);
  arena.capacity_ = std::numeric_limits<std::size_t>::max();
  arena.device_ = device;
  arena.is_measuring_ = true;
  return arena;
}

View Arena::take(DType type, const Shape& shape, const char* label) {
  const std::size_t wanted = byte_count(type, shape);
  const std::size_t n = round_up(wanted, alignment);
  if (n > capacity_ - top_) {
    std::string bill;
    for (const Line& line : at_peak()) {
      bill += fmt::format("\n    {:>16} bytes  {}", line.bytes, line.label);
    }
    fail(Fault::machine,
         "arena '{}' is full: '{}' wants {} bytes, {} of {} are left\n  peak by label:{}\n  hint: "
         "run "
         "`mneme plan` first, lower train.micro_batch or set model.recompute: block",
         name_, label, wanted, capacity_ - top_, capacity_, bill);
  }
  std::byte* p = buffer_.data() == nullptr ? nullptr : buffer_.data() + top_;
  if constexpr (heavy_checks) {
    if (p != nullptr) std::memset(p, 0xff, n);  // NaN in every float type
  }
  top_ += n;
  live_.push_back({label, n});
  if (top_ > peak_) {
    peak_ = top_;
    at_peak_is_stale_ = true;
  }
  return View(p, type, shape, device_);
}

void Arena::release(std::size_t top, std::size_t live) noexcept {
  if (at_peak_is_stale_ && top < top_ && top_ == peak_) {
    at_peak_ = live_;
    at_peak_is_stale_ = false;
  }
  top_ = top;
  live_.resize(live);
}

std::vector<Arena::Line> Arena::at_peak() const {
  const std::vector<Line>& raw = at_peak_is_stale_ ? live_ : at_peak_;
  std::vector<Line> sum;
  for (const Line& line : raw) {
    const auto same = [&](const Line& l) { return std::string_view(l.label) == line.label; };
    const auto found = std::find_if(sum.begin(), sum.end(), same);
    if (found == sum.end()) {
      sum.push_back(line);
    } else {
      found->bytes += line.bytes;
    }
  }
  std::stable_sort(sum.begin(), sum.end(),
                   [](const Line& a, const Line& b) { return a.bytes > b.bytes; });
  return sum;
}

}  // namespace mneme
