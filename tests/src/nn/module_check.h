#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/philox.h"
#include "params/param_set.h"
#include "runtime/exec.h"
#include "support/gradient_check.h"

namespace mneme::test {

/// A module with its parameters on arenas of its own, checked against the same function in doubles.
/// The numbers that the function takes are x and then all trained parameters, in the order of their
/// declaration.
class ModuleCheck {
 public:
  explicit ModuleCheck(const Shape& x, const Shape& y) : x_shape_(x), y_shape_(y) {}

  ParamSet params;
  Arena keep{"keep", 1 << 20, cpu_device};

  ParamScope scope() { return ParamScope(params, "module."); }
  Exec& ex() { return ex_; }

  /// Forward from x to y (zero before), then backward from dy to dx, in which the caller's
  /// function runs the module. Both results are compared with `plain` and its central differences;
  /// `length`: of the longest sum that a result or a gradient is.
  void run(const std::function<void(ConstView x, View y, ConstView dy, View dx)>& module,
           const PlainFunction& plain,
           std::int64_t length) {
    params.allocate(weights_, grads_);
    params.initialise(ex_, 3);
    params.begin_step(ex_);
    Values all = random_direction(size_of(x_shape_.count()), 1, "x");
    for (double& v : all) v = static_cast<double>(static_cast<float>(v));
    std::vector<float> x(all.begin(), all.end());
    for (Param& p : params.all()) {
      if (!p.is_trained()) continue;
      const Values some = random_direction(p.weight.span<float>().size(), 2, p.spec.name);
      for (std::size_t i = 0; i < some.size(); ++i) {
        p.weight.span<float>()[i] = static_cast<float>(some[i]);
        all.push_back(static_cast<double>(p.weight.span<float>()[i]));
      }
    }
    std::vector<float> y(size_of(y_shape_.count()), 0);
    Values dy = random_direction(y.size(), 3, "dy");
    for (double& v : dy) v = static_cast<double>(static_cast<float>(v));
    std::vector<float> dy32(dy.begin(), dy.end());
    std::vector<float> dx(x.size(), NAN);
    module(view_of(std::span<const float>(x), x_shape_), view_of(std::span<float>(y), y_shape_),
           view_of(std::span<const float>(dy32), y_shape_),
           view_of(std::span<float>(dx), x_shape_));
    expect("y", y, plain(all), 0, length);
    const Values wanted = numeric_gradient(plain, all, dy);
    std::size_t at = 0;
    expect("dx", dx, wanted, at, length);
    at += dx.size();
    for (const Param& p : params.all()) {
      if (!p.is_trained()) continue;
      const auto g = p.grad.span<float>();
      expect("gradient of " + p.spec.name, {g.begin(), g.end()}, wanted, at, length);
      at += g.size();
    }
  }

 private:
  /// Sums of `length` f32 terms, each of the size of the largest result, through a few stages; the
  /// differences themselves are good to 1e-9.
  static void expect(const std::string& what,
                     const std::vector<float>& found,
                     const Values& wanted,
                     std::size_t at,
                     std::int64_t length) {
    double largest = 1;
    for (std::size_t i = 0; i < found.size(); ++i)
      largest = std::max(largest, std::abs(wanted.at(at + i)));
    const double bound = 0x1p-24 * static_cast<double>(length + 16) * largest + 1e-9;
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(found[i]), wanted.at(at + i), bound) << what << " " << i;
    }
  }

  Shape x_shape_;
  Shape y_shape_;
  Arena weights_{"weights", 1 << 20, cpu_device};
  Arena grads_{"grads", 1 << 20, cpu_device};
  Arena scratch_{"scratch", 1 << 22, cpu_device};
  Exec ex_{cpu_device, scratch_, 2};
};

/// c (m, n) = a (m, k) b (n, k)', row-major.
inline Values times_transposed(
    const double* a, const double* b, std::int64_t m, std::int64_t n, std::int64_t k) {
  Values c;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t l = 0; l < k; ++l) sum += a[i * k + l] * b[j * k + l];
      c.push_back(sum);
    }
  }
  return c;
}

}  // namespace mneme::test
