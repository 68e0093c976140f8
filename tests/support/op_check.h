#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include "base/bf16.h"
#include "base/philox.h"
#include "runtime/exec.h"
#include "support/tolerance.h"
#include "tensor/view.h"

namespace mneme::test {

/// Runs an op the way the library uses it, in every way that must not matter, and keeps what it
/// wrote: a measuring run, then for each vector target of this CPU runs on 1, 2 and 3 threads and
/// once more, each with a scratch arena of exactly the measured peak. It checks that the peak is
/// reached and given back, that guard bytes around each tensor and all inputs are unchanged, and
/// that the written bits agree between runs (and, unless told otherwise, between thread counts).
/// Every second tensor starts off alignment. `expect` compares the results of every target.
class OpCheck {
 public:
  /// A tensor of the check.
  struct Slot {
    std::size_t index = 0;
  };
  enum class Threads { same_bits, own_bits };

  explicit OpCheck(std::string name, std::uint64_t seed = 1)
      : name_(std::move(name)), random_(seed, "test/" + name_) {}

  /// An input of uniform values in [low, high): f32 or bf16 (i32: whole numbers, high excluded).
  Slot in(const char* name, DType type, const Shape& shape, double low, double high) {
    return add(name, Role::in, type, shape, random_bytes(type, shape, low, high));
  }
  /// An input of given values.
  template <Element T>
  Slot in(const char* name, const Shape& shape, const std::vector<T>& values) {
    return add(name, Role::in, dtype_of<T>, shape, bytes_of(values));
  }
  /// An output: NaN bytes before each run.
  Slot out(const char* name, DType type, const Shape& shape) {
    return add(name, Role::out, type, shape,
               std::vector<std::byte>(byte_count(type, shape), std::byte{0xff}));
  }
  /// A tensor that the op changes, with the same values before each run.
  Slot inout(const char* name, DType type, const Shape& shape, double low, double high) {
    return add(name, Role::out, type, shape, random_bytes(type, shape, low, high));
  }
  template <Element T>
  Slot inout(const char* name, const Shape& shape, const std::vector<T>& values) {
    return add(name, Role::out, dtype_of<T>, shape, bytes_of(values));
  }

  /// The tensor as an argument of the op; without memory in the measuring run.
  ConstView get(Slot s) { return mut(s); }
  View mut(Slot s) {
    Tensor& t = tensors_.at(s.index);
    return {is_measuring_ ? nullptr : t.data(), t.type, t.shape, cpu_device};
  }
  /// What the tensor holds before a run.
  std::vector<double> initial(Slot s) const {
    const Tensor& t = tensors_.at(s.index);
    return as_doubles(t.type, t.initial);
  }
  /// What the last run left, on this CPU's best target.
  std::vector<double> result(Slot s) const {
    return as_doubles(tensors_.at(s.index).type, results_.at(0).outputs.at(s.index));
  }

  void run(const std::function<void(Exec&)>& op, Threads threads = Threads::same_bits) {
    results_.clear();
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      std::map<int, Outputs>
          first;  // by the number of threads, where each may have bits of its own
      for (const int count : {1, 2, 3, 2}) {
        Outputs outputs = run_once(op, count, hwy::TargetName(target));
        const int key = threads == Threads::own_bits ? count : 0;
        const auto [known, is_new] = first.try_emplace(key, outputs);
        if (!is_new) expect_same_bits(known->second, outputs, hwy::TargetName(target), count);
      }
      results_.push_back({hwy::TargetName(target), std::move(first.begin()->second)});
    }
    hwy::SetSupportedTargetsForTest(0);
  }

  /// Each element of the tensor agrees with `wanted` within the tolerance, on every target.
  void expect(Slot s, const std::vector<double>& wanted, const Tolerance& tolerance) const {
    const Tensor& t = tensors_.at(s.index);
    ASSERT_FALSE(results_.empty()) << name_ << " was not run";
    for (const Result& r : results_) {
      const std::vector<double> found = as_doubles(t.type, r.outputs.at(s.index));
      ASSERT_EQ(found.size(), wanted.size()) << name_ << ": " << t.name;
      std::size_t worst = 0;
      double worst_excess = 0;
      for (std::size_t i = 0; i < found.size(); ++i) {
        const double excess = tolerance.excess(found[i], wanted[i]);
        if (excess > worst_excess) {
          worst = i;
          worst_excess = excess;
        }
      }
      EXPECT_EQ(worst_excess, 0) << name_ << " on " << r.target << ": " << t.name << "[" << worst
                                 << "] is " << found[worst] << ", wanted " << wanted[worst];
    }
  }
  /// The scalar product of the tensor with `direction` agrees with `wanted`, on every target.
  void expect_along(Slot s,
                    const std::vector<double>& direction,
                    double wanted,
                    const Tolerance& tolerance) const {
    for (const Result& r : results_) {
      const std::vector<double> found =
          as_doubles(tensors_.at(s.index).type, r.outputs.at(s.index));
      ASSERT_EQ(found.size(), direction.size());
      double sum = 0;
      for (std::size_t i = 0; i < found.size(); ++i) sum += found[i] * direction[i];
      EXPECT_EQ(tolerance.excess(sum, wanted), 0)
          << name_ << " on " << r.target << ": " << tensors_.at(s.index).name
          << " along a direction is " << sum << ", wanted " << wanted;
    }
  }

 private:
  enum class Role { in, out };
  static constexpr std::size_t guard = 256;
  static constexpr std::byte guard_byte{0xa5};

  struct Tensor {
    std::string name;
    Role role;
    DType type;
    Shape shape;
    std::vector<std::byte> initial;
    std::vector<std::byte> memory;  // guard, tensor, guard
    std::size_t offset;
    std::byte* data() { return memory.data() + offset; }
  };
  using Outputs = std::vector<std::vector<std::byte>>;  // by tensor; inputs too
  struct Result {
    std::string target;
    Outputs outputs;
  };

  Slot add(
      const char* name, Role role, DType type, const Shape& shape, std::vector<std::byte> initial) {
    EXPECT_EQ(initial.size(), byte_count(type, shape)) << name_ << ": " << name;
    const std::size_t shift = tensors_.size() % 2 == 1 ? size_of(type) : 0;
    Tensor t{name, role, type, shape, std::move(initial), {}, guard + shift};
    t.memory.assign(t.initial.size() + 2 * guard + shift, guard_byte);
    tensors_.push_back(std::move(t));
    return {tensors_.size() - 1};
  }

  Outputs run_once(const std::function<void(Exec&)>& op, int threads, const char* target) {
    is_measuring_ = true;
    Arena measured = Arena::measuring("scratch");
    Exec measuring{cpu_device, measured, threads};
    op(measuring);
    is_measuring_ = false;

    Arena scratch("scratch", measured.peak(), cpu_device);
    Exec ex{cpu_device, scratch, threads};
    for (Tensor& t : tensors_) {
      std::fill(t.memory.begin(), t.memory.end(), guard_byte);
      std::copy(t.initial.begin(), t.initial.end(), t.data());
    }
    op(ex);
    EXPECT_EQ(scratch.peak(), measured.peak()) << name_ << ": scratch";
    EXPECT_EQ(scratch.used(), 0U) << name_ << ": scratch is given back";
    Outputs outputs;
    for (Tensor& t : tensors_) {
      const std::size_t n = t.initial.size();
      const auto is_guard = [](std::byte b) { return b == guard_byte; };
      EXPECT_TRUE(std::all_of(t.memory.data(), t.data(), is_guard) &&
                  std::all_of(t.data() + n, t.memory.data() + t.memory.size(), is_guard))
          << name_ << " on " << target << ": wrote outside of " << t.name;
      outputs.emplace_back(t.data(), t.data() + n);
      EXPECT_TRUE(t.role != Role::in || outputs.back() == t.initial)
          << name_ << " on " << target << ": changed its input " << t.name;
    }
    return outputs;
  }

  void expect_same_bits(const Outputs& a, const Outputs& b, const char* target, int threads) const {
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i] == b[i], true) << name_ << " on " << target << ": " << tensors_[i].name
                                    << " has other bits on " << threads << " threads";
    }
  }

  template <class T>
  static std::vector<std::byte> bytes_of(const std::vector<T>& values) {
    std::vector<std::byte> bytes(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  template <class T>
  static std::vector<T> values_of(const std::vector<std::byte>& bytes) {
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  static std::vector<double> as_doubles(DType type, const std::vector<std::byte>& bytes) {
    std::vector<double> all;
    with_type<float, Bf16, double, std::int32_t, std::int64_t>(type, "OpCheck", [&]<class T>() {
      for (const T v : values_of<T>(bytes)) {
        if constexpr (std::is_same_v<T, Bf16>) {
          all.push_back(static_cast<double>(to_f32(v)));
        } else {
          all.push_back(static_cast<double>(v));
        }
      }
    });
    return all;
  }
  std::vector<std::byte> random_bytes(DType type, const Shape& shape, double low, double high) {
    std::vector<std::byte> bytes;
    with_type<float, Bf16, double, std::int32_t>(type, "OpCheck", [&]<class T>() {
      std::vector<T> values(static_cast<std::size_t>(shape.count()));
      for (T& v : values) {
        const double u = low + (high - low) * random_.uniform(0, drawn_++);
        if constexpr (std::is_same_v<T, Bf16>) {
          v = to_bf16(static_cast<float>(u));
        } else if constexpr (std::is_same_v<T, std::int32_t>) {
          v = static_cast<T>(std::floor(u));
        } else {
          v = static_cast<T>(u);
        }
      }
      bytes = bytes_of(values);
    });
    return bytes;
  }

  std::string name_;
  Philox random_;
  std::uint64_t drawn_ = 0;
  std::vector<Tensor> tensors_;
  std::vector<Result> results_;
  bool is_measuring_ = false;
};

}  // namespace mneme::test
