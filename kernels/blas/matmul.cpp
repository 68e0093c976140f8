#include "kernels/blas/matmul.h"

#include <algorithm>

#include "kernels/blas/matmul_backends.h"
#include "kernels/checks.h"
#include "kernels/parallel.h"
#include "kernels/util/elementwise_loops.h"

#include "base/build_info.h"
#include "base/scope.h"

namespace mneme {
namespace {

/// (m, n, k) of the product, from c and a.
cpu::MatmulProblem problem_of(const Matmul& a) {
  return {.m = a.c.extent(0),
          .n = a.c.extent(1),
          .k = a.a.extent(a.transpose_a ? 0 : 1),
          .transpose_a = a.transpose_a,
          .transpose_b = a.transpose_b,
          .accumulate = a.accumulate,
          .has_bias = a.bias.given()};
}

/// k = 0: a sum of nothing.
void empty_product(const Matmul& a) {
  const std::span<float> c = a.c.span<float>();
  if (!a.accumulate) std::fill(c.begin(), c.end(), 0.0F);
  if (!a.bias.given()) return;
  const std::span<const float> bias = a.bias.span<const float>();
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = bias[i % bias.size()];
}

}  // namespace

void Matmul::validate() const {
  require(a.given() && b.given() && c.given(), Fault::bug, "matmul: an operand is missing");
  require(a.shape().rank() == 2 && c.shape().rank() == 2, Fault::bug,
          "matmul: a is {} and c is {}, wanted matrices", to_string(a.shape()),
          to_string(c.shape()));
  const std::int64_t m = c.extent(0);
  const std::int64_t n = c.extent(1);
  const std::int64_t k = a.extent(transpose_a ? 0 : 1);
  require_tensor(a, DType::f32, transpose_a ? Shape{k, m} : Shape{m, k}, "matmul", "a");
  require_tensor(b, DType::f32, transpose_b ? Shape{n, k} : Shape{k, n}, "matmul", "b");
  require_tensor(c, DType::f32, {m, n}, "matmul", "c");
  require_apart(a, c, "matmul", "a and c");
  require_apart(b, c, "matmul", "b and c");
  if (!bias.given()) return;
  require_tensor(bias, DType::f32, {n}, "matmul", "bias");
  require_apart(bias, c, "matmul", "bias and c");
  require(!accumulate, Fault::bug, "matmul: a bias together with accumulate is not supported");
}

void matmul(Exec& ex, const Matmul& a) {
  const Scope scope("matmul");
  a.validate();
  if (ex.cost != nullptr) ex.cost->matmul_flop += matmul_flop(a);
  cpu::MatmulProblem p = problem_of(a);
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) {
    if (!ex.measuring()) empty_product(a);
    return;
  }
  if (!ex.measuring()) {
    p.a = a.a.ptr<const float>();
    p.b = a.b.ptr<const float>();
    p.c = a.c.ptr<float>();
    if (p.has_bias) p.bias = a.bias.ptr<const float>();
  }
  if constexpr (with_onednn) {
    cpu::matmul_onednn(ex, p);
  } else {
    cpu::matmul_blocked(ex, p);
  }
}

double matmul_flop(const Matmul& a) {
  const cpu::MatmulProblem p = problem_of(a);
  return 2 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
}

}  // namespace mneme
