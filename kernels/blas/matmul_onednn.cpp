#include "kernels/blas/matmul_backends.h"

#if MNEME_WITH_ONEDNN

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include <omp.h>

namespace mneme::cpu {
namespace {

/// oneDNN works on omp_get_max_threads() threads. That number belongs to the calling thread, so
/// ranks that are threads of one process do not disturb each other.
class ThreadLimit {
 public:
  explicit ThreadLimit(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~ThreadLimit() { omp_set_num_threads(before_); }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_;
};

/// A row-major (rows, columns) matrix, or the transpose of the stored (columns, rows).
dnnl::memory::desc matrix(std::int64_t rows, std::int64_t columns, bool transposed) {
  using Dims = dnnl::memory::dims;
  const Dims strides = transposed ? Dims{1, rows} : Dims{columns, 1};
  return {Dims{rows, columns}, dnnl::memory::data_type::f32, strides};
}

/// oneDNN takes writable pointers for inputs, too.
void* writable(const float* p) {
  return const_cast<float*>(p);  // NOLINT(cppcoreguidelines-pro-type-const-cast): not written
}

void multiply(Exec& ex, const MatmulProblem& p) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto a = matrix(p.m, p.k, p.transpose_a);
  const auto b = matrix(p.k, p.n, p.transpose_b);
  const auto c = matrix(p.m, p.n, false);
  const auto bias = matrix(1, p.n, false);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (p.accumulate) {
    dnnl::post_ops add_to_c;
    add_to_c.append_sum(1.0F);
    attributes.set_post_ops(add_to_c);
  }
  const auto operation =
      p.has_bias ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
  const dnnl::matmul::primitive_desc plan(operation, attributes, engine);

  const auto mark = ex.scratch.mark();
  const auto scratch_bytes = static_cast<std::int64_t>(plan.scratchpad_desc().get_size());
  const View scratch = ex.scratch.take(DType::u8, {scratch_bytes}, "matmul.onednn");
  if (ex.measuring()) return;

  // Primitives come from oneDNN's own cache: building one costs some microseconds after the first.
  dnnl::stream stream(engine);
  std::unordered_map<int, dnnl::memory> arguments{
      {DNNL_ARG_SRC, {a, engine, writable(p.a)}},
      {DNNL_ARG_WEIGHTS, {b, engine, writable(p.b)}},
      {DNNL_ARG_DST, {c, engine, p.c}},
      {DNNL_ARG_SCRATCHPAD, {plan.scratchpad_desc(), engine, scratch.data()}}};
  if (p.has_bias) arguments.insert({DNNL_ARG_BIAS, {bias, engine, writable(p.bias)}});
  dnnl::matmul(plan).execute(stream, arguments);
  stream.wait();
}

}  // namespace

void matmul_onednn(Exec& ex, const MatmulProblem& p) {
  const ThreadLimit limit(ex.threads);
  try {
    multiply(ex, p);
  } catch (const dnnl::error& e) {
    fail(Fault::machine, "oneDNN refused a ({}, {}) x ({}, {}) product: {}", p.m, p.k, p.k, p.n,
         e.what());
  }
}

}  // namespace mneme::cpu

#endif  // MNEME_WITH_ONEDNN
