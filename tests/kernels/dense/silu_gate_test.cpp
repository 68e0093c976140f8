#include "kernels/act/silu_gate.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "support/gradient_check.h"
#include "support/op_check.h"

namespace mneme::test {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// z = y * silu(u) for inputs y, then u.
Values plain_silu_gate(const Values& yu) {
  const std::size_t n = yu.size() / 2;
  Values z(n);
  for (std::size_t i = 0; i < n; ++i) z[i] = yu[i] * yu[n + i] * sigmoid(yu[n + i]);
  return z;
}

Values joined(Values a, const Values& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class SiluGate : public testing::TestWithParam<std::int64_t> {};

TEST_P(SiluGate, ForwardAgreesWithPlainLoopAlsoInPlace) {
  for (const int place : {0, 1, 2}) {  // z apart, z = y, z = u
    OpCheck check("silu_gate_forward");
    const auto y = check.inout("y", DType::f32, {2, GetParam()}, -2, 2);
    const auto u = check.inout("u", DType::f32, {2, GetParam()}, -20, 20);
    const auto apart = check.out("z", DType::f32, {2, GetParam()});
    const auto z = place == 0 ? apart : place == 1 ? y : u;
    check.run([&](Exec& ex) {
      silu_gate_forward(ex, {.y = check.get(y), .u = check.get(u), .z = check.mut(z)});
    });
    check.expect(z, plain_silu_gate(joined(check.initial(y), check.initial(u))),
                 tolerance(DType::f32, 1, 0));
  }
}

TEST_P(SiluGate, BackwardAgreesWithFiniteDifferences) {
  for (const bool in_place : {false, true}) {
    OpCheck check("silu_gate_backward");
    const auto dz = check.in("dz", DType::f32, {1, GetParam()}, -1, 1);
    const auto y = check.inout("y", DType::f32, {1, GetParam()}, -2, 2);
    const auto u = check.inout("u", DType::f32, {1, GetParam()}, -6, 6);
    const auto dy = in_place ? y : check.out("dy", DType::f32, {1, GetParam()});
    const auto du = in_place ? u : check.out("du", DType::f32, {1, GetParam()});
    check.run([&](Exec& ex) {
      silu_gate_backward(ex, {.dz = check.get(dz),
                              .y = check.get(y),
                              .u = check.get(u),
                              .dy = check.mut(dy),
                              .du = check.mut(du)});
    });
    const Values g = check.initial(dz);
    const Values inputs = joined(check.initial(y), check.initial(u));
    const std::size_t n = g.size();
    Values want_dy(n), want_du(n);
    for (std::size_t i = 0; i < n; ++i) {  // element by element: the op is elementwise
      const Values at{inputs[i], inputs[n + i]};
      const Values d = numeric_gradient(plain_silu_gate, at, {g[i]});
      want_dy[i] = d[0];
      want_du[i] = d[1];
    }
    // u*(1-s) reaches 6: the slope's terms are of that size, y and dz up to 2 and 1
    check.expect(dy, want_dy, tolerance(DType::f32, 1, 6));
    check.expect(du, want_du, tolerance(DType::f32, 1, 12));
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, SiluGate, testing::Values(1, 5, 16, 100, 40000));

TEST(SiluGate, FarOutIsExactAndNanStays) {
  OpCheck check("silu_gate_forward");
  const auto y = check.in("y", {5, 1}, std::vector<float>{1, 1, 1, 1, 1});
  const auto u = check.in("u", {5, 1}, std::vector<float>{-200, 200, -90, 0, NAN});
  const auto z = check.out("z", DType::f32, {5, 1});
  check.run([&](Exec& ex) {
    silu_gate_forward(ex, {.y = check.get(y), .u = check.get(u), .z = check.mut(z)});
  });
  // exp is 0 where it is below the smallest normal number, 2^-126
  check.expect(z, {0, 200, -90 * std::exp(-90.0), 0, std::nan("")},
               {.relative = 1e-6, .absolute = 90 * std::ldexp(1.0, -126)});
}

TEST(SigmoidGate, AgreesWithPlainLoopAndFiniteDifferences) {
  constexpr std::int64_t tokens = 7, channels = 37;
  OpCheck forward("sigmoid_gate_forward");
  const auto y = forward.in("y", DType::f32, {tokens, channels}, -2, 2);
  const auto g = forward.in("g", DType::f32, {tokens}, -5, 5);
  const auto out = forward.out("out", DType::f32, {tokens, channels});
  forward.run([&](Exec& ex) {
    sigmoid_gate_forward(ex, {.y = forward.get(y), .g = forward.get(g), .out = forward.mut(out)});
  });
  const auto plain = [&](const Values& yg) {
    Values o(tokens * channels);
    for (std::size_t i = 0; i < o.size(); ++i) {
      o[i] = yg[i] * sigmoid(yg[o.size() + i / channels]);
    }
    return o;
  };
  const Values inputs = joined(forward.initial(y), forward.initial(g));
  forward.expect(out, plain(inputs), tolerance(DType::f32, 1));

  OpCheck backward("sigmoid_gate_backward");
  const auto by =
      backward.in("y", {tokens, channels},
                  std::vector<float>(inputs.begin(), inputs.begin() + tokens * channels));
  const auto bg = backward.in("g", {tokens},
                              std::vector<float>(inputs.begin() + tokens * channels, inputs.end()));
  const auto dout = backward.in("dout", DType::f32, {tokens, channels}, -1, 1);
  const auto dy = backward.out("dy", DType::f32, {tokens, channels});
  const auto dg = backward.out("dg", DType::f32, {tokens});
  backward.run([&](Exec& ex) {
    sigmoid_gate_backward(ex, {.dout = backward.get(dout),
                               .y = backward.get(by),
                               .g = backward.get(bg),
                               .dy = backward.mut(dy),
                               .dg = backward.mut(dg)});
  });
  const Values d = numeric_gradient(plain, inputs, backward.initial(dout));
  backward.expect(dy, Values(d.begin(), d.begin() + tokens * channels), tolerance(DType::f32, 1));
  backward.expect(dg, Values(d.begin() + tokens * channels, d.end()),
                  tolerance(DType::f32, channels));
}

}  // namespace
}  // namespace mneme::test
