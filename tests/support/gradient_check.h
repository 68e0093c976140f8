#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "base/philox.h"

namespace mneme::test {

using Values = std::vector<double>;
/// The plain forward of an op in double, all inputs in one vector.
using PlainFunction = std::function<Values(const Values&)>;

inline double dot(const Values& a, const Values& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// A direction of values in (-1, 1) that a seed and a name determine.
inline Values random_direction(std::size_t n, std::uint64_t seed, const std::string& name) {
  const Philox random(seed, "test/direction/" + name);
  Values v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = 2 * random.uniform(0, i) - 1;
  return v;
}

/// <dy, (f(x + h*v) - f(x - h*v)) / 2h>: what <gradient, v> has to be. In double with h = 1e-5 the
/// error is about h^2 f''' + 1e-16/h, some 1e-10 for functions of unit size.
inline double directional_difference(
    const PlainFunction& f, const Values& x, const Values& v, const Values& dy, double h = 1e-5) {
  Values up = x;
  Values down = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    up[i] += h * v[i];
    down[i] -= h * v[i];
  }
  return (dot(dy, f(up)) - dot(dy, f(down))) / (2 * h);
}

/// The whole gradient of <dy, f(x)> by central differences, element by element: for small sizes.
inline Values numeric_gradient(const PlainFunction& f,
                               const Values& x,
                               const Values& dy,
                               double h = 1e-5) {
  Values gradient(x.size());
  Values at = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    at[i] = x[i] + h;
    const double up = dot(dy, f(at));
    at[i] = x[i] - h;
    const double down = dot(dy, f(at));
    at[i] = x[i];
    gradient[i] = (up - down) / (2 * h);
  }
  return gradient;
}

}  // namespace mneme::test
