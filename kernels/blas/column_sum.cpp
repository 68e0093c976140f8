#include "kernels/blas/matmul.h"
#include "kernels/checks.h"
#include "kernels/token_blocks.h"
#include "kernels/util/elementwise_loops.h"

#include "base/scope.h"

namespace mneme {

void ColumnSum::validate() const {
  require(x.given() && x.shape().rank() == 2, Fault::bug, "column_sum: x is {}, wanted a matrix",
          to_string(x.shape()));
  require_f32(x, "column_sum", "x");
  require_tensor(out, DType::f32, {x.extent(1)}, "column_sum", "out");
  require_apart(x, out, "column_sum", "x and out");
}

void column_sum(Exec& ex, const ColumnSum& a) {
  const Scope scope("column_sum");
  a.validate();
  const std::int64_t tokens = a.x.extent(0);
  const std::int64_t n = a.x.extent(1);
  const auto mark = ex.scratch.mark();
  const View sums = cpu::take_block_sums(ex, tokens, n, "column_sum.blocks");
  if (ex.measuring()) return;
  const float* x = a.x.ptr<const float>();
  cpu::sum_over_tokens(ex, tokens, sums, a.out.ptr<float>(),
                       [=](std::int64_t first, std::int64_t last, int, float* sum) {
                         for (std::int64_t t = first; t < last; ++t) {
                           cpu::add_elements(size_of(n), x + t * n, sum);
                         }
                       });
}

}  // namespace mneme
