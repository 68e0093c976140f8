#include "kernels/optim/adamw.h"

#include "kernels/checks.h"
#include "kernels/optim/adamw_loops.h"
#include "kernels/optim/adamw_math.h"
#include "kernels/parallel.h"

#include "base/scope.h"

namespace mneme {

void AdamW::validate() const {
  const Shape& shape = weight.shape();
  require_tensor(weight, DType::f32, shape, "adamw", "weight");
  require_tensor(grad, DType::f32, shape, "adamw", "grad");
  require_tensor(m, DType::f32, shape, "adamw", "m");
  require_tensor(v, DType::f32, shape, "adamw", "v");
  require_apart(weight, grad, "adamw", "weight and grad");
  require_apart(weight, m, "adamw", "weight and m");
  require_apart(weight, v, "adamw", "weight and v");
  require_apart(m, v, "adamw", "m and v");
  require(step.step >= 1, Fault::bug, "adamw: step is {}, steps count from 1", step.step);
  require(step.beta1 >= 0 && step.beta1 < 1 && step.beta2 >= 0 && step.beta2 < 1, Fault::bug,
          "adamw: beta1 = {} and beta2 = {}, wanted numbers in [0, 1)", step.beta1, step.beta2);
  require(step.eps > 0, Fault::bug, "adamw: eps = {}, wanted a positive number", step.eps);
}

void adamw(Exec& ex, const AdamW& a) {
  const Scope scope("adamw");
  a.validate();
  if (ex.measuring()) return;
  const AdamWFactors factors = adamw_factors(a.step);
  float* weight = a.weight.ptr<float>();
  const float* grad = a.grad.ptr<const float>();
  float* m = a.m.ptr<float>();
  float* v = a.v.ptr<float>();
  cpu::parallel_blocks(ex, a.weight.count(), cpu::elements_per_thread,
                       [&](std::int64_t first, std::int64_t last, int) {
                         cpu::adamw_elements(size_of(last - first), factors, grad + first,
                                             weight + first, m + first, v + first);
                       });
}

}  // namespace mneme
