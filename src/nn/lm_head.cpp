#include "nn/lm_head.h"

#include <algorithm>

#include "kernels/blas/matmul.h"
#include "kernels/loss/cross_entropy.h"

#include "base/scope.h"

namespace mneme {
namespace {

/// Tokens per chunk: 16 MiB of logits, at least 64 tokens.
std::int64_t chunk_tokens(std::int64_t vocabulary) {
  constexpr std::int64_t logits_per_chunk = 4 << 20;
  return std::max<std::int64_t>(64, logits_per_chunk / vocabulary);
}

}  // namespace

LmHead::LmHead(ParamId weight, std::int64_t vocabulary, float z_weight)
    : weight_(weight), vocabulary_(vocabulary), z_weight_(z_weight) {}

void LmHead::loss(Exec& ex, ParamSet& ps, const Loss& a) const {
  const Scope scope("lm_head");
  const std::int64_t tokens = a.x.extent(0);
  const std::int64_t step = std::min(chunk_tokens(vocabulary_), std::max<std::int64_t>(tokens, 1));
  const auto mark = ex.scratch.mark();
  const View logits = ex.scratch.take(DType::f32, {step, vocabulary_}, "logits");
  const View lse = ex.scratch.take(DType::f32, {step}, "logits.lse");
  Param& w = ps[weight_];
  for (std::int64_t t = 0; t < tokens; t += step) {
    const std::int64_t end = std::min(tokens, t + step);
    const View chunk = logits.rows(0, end - t);
    const ConstView x = a.x.rows(t, end);
    matmul(ex, {.a = x, .b = w.weight, .c = chunk, .transpose_b = true});
    cross_entropy(ex, {.logits = chunk,
                       .targets = a.targets.rows(t, end),
                       .loss = a.loss.rows(t, end),
                       .lse = lse.rows(0, end - t),
                       .scale = a.scale,
                       .z_weight = z_weight_,
                       .gradient = a.dx.given()});
    if (!a.dx.given()) continue;
    matmul(ex, {.a = chunk, .b = x, .c = w.grad, .transpose_a = true, .accumulate = true});
    matmul(ex, {.a = chunk, .b = w.weight, .c = a.dx.rows(t, end)});
  }
}

void LmHead::logits(Exec& ex, const ParamSet& ps, ConstView x, View out) const {
  const Scope scope("logits");
  matmul(ex, {.a = x, .b = ps[weight_].weight, .c = out, .transpose_b = true});
}

}  // namespace mneme
