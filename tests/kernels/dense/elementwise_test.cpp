#include "kernels/util/elementwise.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "support/op_check.h"

namespace mneme::test {
namespace {

class Elementwise : public testing::TestWithParam<std::int64_t> {};

TEST_P(Elementwise, AddTo) {
  OpCheck check("add_to");
  const auto x = check.in("x", DType::f32, {GetParam()}, -2, 2);
  const auto y = check.inout("y", DType::f32, {GetParam()}, -2, 2);
  check.run([&](Exec& ex) { add_to(ex, check.get(x), check.mut(y)); });
  auto wanted = check.initial(y);
  const auto x0 = check.initial(x);
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] += x0[i];
  check.expect(y, wanted, tolerance(DType::f32, 2));
}

TEST_P(Elementwise, CopyAndZero) {
  OpCheck check("copy");
  const auto x = check.in("x", DType::i32, {GetParam()}, -99, 99);
  const auto y = check.out("y", DType::i32, {GetParam()});
  const auto z = check.out("z", DType::bf16, {GetParam()});
  check.run([&](Exec& ex) {
    copy(ex, check.get(x), check.mut(y));
    zero(ex, check.mut(z));
  });
  check.expect(y, check.initial(x), {});
  check.expect(z, std::vector<double>(static_cast<std::size_t>(GetParam())), {});
}

TEST_P(Elementwise, CastRoundsToNearest) {
  OpCheck check("cast");
  const auto x = check.in("x", DType::f32, {GetParam()}, -2, 2);
  const auto y = check.out("y", DType::bf16, {GetParam()});
  const auto z = check.out("z", DType::f32, {GetParam()});
  check.run([&](Exec& ex) {
    cast(ex, check.get(x), check.mut(y));
    cast(ex, check.get(y), check.mut(z));
  });
  check.expect(y, check.initial(x), {.relative = unit_roundoff(DType::bf16)});
  check.expect(z, check.result(y), {});
}

TEST_P(Elementwise, SumsAgreeAndDoNotDependOnThreads) {
  OpCheck check("sums");
  const auto x = check.in("x", DType::f32, {GetParam()}, -2, 2);
  const auto y = check.out("y", DType::f64, {2});
  check.run([&](Exec& ex) {
    const double squares = sum_squares(ex, check.get(x));
    const double plain = sum(ex, check.get(x));
    if (ex.measuring()) return;
    check.mut(y).ptr<double>()[0] = squares;
    check.mut(y).ptr<double>()[1] = plain;
  });
  long double squares = 0, plain = 0;
  for (const double v : check.initial(x)) {
    squares += static_cast<long double>(v * v);  // exact: the inputs have 24 bits
    plain += static_cast<long double>(v);
  }
  // Squares only grow: each of n roundings is of the size of the sum, and they wander.
  const double n = static_cast<double>(GetParam());
  const double u = unit_roundoff(DType::f64);
  check.expect(y, {static_cast<double>(squares), static_cast<double>(plain)},
               {.relative = std::sqrt(n) * u, .absolute = 4 * n * u});
}

INSTANTIATE_TEST_SUITE_P(Sizes, Elementwise, testing::Values(0, 1, 7, 16, 33, 100, 200003));

TEST(Elementwise, CastKeepsNanAndInfinity) {
  const float inf = std::numeric_limits<float>::infinity();
  OpCheck check("cast");
  const auto x = check.in("x", {3}, std::vector<float>{NAN, inf, -inf});
  const auto y = check.out("y", DType::bf16, {3});
  check.run([&](Exec& ex) { cast(ex, check.get(x), check.mut(y)); });
  check.expect(y, check.initial(x), {});
}

}  // namespace
}  // namespace mneme::test
