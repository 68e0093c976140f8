#include "kernels/memory/lookup_loops.h"
#include "kernels/memory/pk_lookup.h"
#include "kernels/parallel.h"

#include "base/math.h"
#include "base/scope.h"

namespace mneme {

void SlotSoftmaxForward::validate() const {
  const Shape& s = scores.shape();
  require(s.rank() >= 1 && s[s.rank() - 1] >= 1, Fault::bug,
          "slot_softmax_forward: scores are {}, wanted at least one slot per head", to_string(s));
  require_tensor(scores, DType::f32, s, "slot_softmax_forward", "scores");
  require_tensor(weights, DType::f32, s, "slot_softmax_forward", "weights");
}

void slot_softmax_forward(Exec& ex, const SlotSoftmaxForward& a) {
  const Scope scope("slot_softmax_forward");
  a.validate();
  if (ex.measuring()) return;
  const Shape& s = a.scores.shape();
  const std::int64_t k = s[s.rank() - 1];
  const float* scores = a.scores.ptr<const float>();
  float* weights = a.weights.ptr<float>();
  cpu::parallel_blocks(ex, s.count() / k, [&](std::int64_t first, std::int64_t last, int) {
    cpu::softmax_rows(size_of(last - first), size_of(k), scores + first * k, weights + first * k);
  });
}

void SlotSoftmaxBackward::validate() const {
  const Shape& s = weights.shape();
  require(s.rank() >= 1 && s[s.rank() - 1] >= 1, Fault::bug,
          "slot_softmax_backward: weights are {}, wanted at least one slot per head", to_string(s));
  require_tensor(weights, DType::f32, s, "slot_softmax_backward", "weights");
  require_tensor(dweights, DType::f32, s, "slot_softmax_backward", "dweights");
  require_tensor(dscores, DType::f32, s, "slot_softmax_backward", "dscores");
  require_apart(dscores, weights, "slot_softmax_backward", "dscores and weights");
}

void slot_softmax_backward(Exec& ex, const SlotSoftmaxBackward& a) {
  const Scope scope("slot_softmax_backward");
  a.validate();
  if (ex.measuring()) return;
  const Shape& s = a.weights.shape();
  const std::int64_t k = s[s.rank() - 1];
  const float* weights = a.weights.ptr<const float>();
  const float* dweights = a.dweights.ptr<const float>();
  float* dscores = a.dscores.ptr<float>();
  cpu::parallel_blocks(ex, s.count() / k, [&](std::int64_t first, std::int64_t last, int) {
    cpu::softmax_rows_backward(size_of(last - first), size_of(k), weights + first * k,
                               dweights + first * k, dscores + first * k);
  });
}

}  // namespace mneme
