#include "kernels/loss/cross_entropy.h"

#include <algorithm>
#include <span>

#include "kernels/checks.h"
#include "kernels/loss/cross_entropy_loops.h"
#include "kernels/parallel.h"

#include "base/scope.h"

namespace mneme {
namespace {

void require_targets(ConstView targets, std::int64_t vocabulary) {
  const std::span<const std::int32_t> ids = targets.span<const std::int32_t>();
  const auto bad = std::find_if(ids.begin(), ids.end(),
                                [=](std::int32_t id) { return id < -1 || id >= vocabulary; });
  require(bad == ids.end(), Fault::data,
          "cross_entropy: target {} of the batch has the id {}, wanted -1 or one of {} ids; hint: "
          "the tokens were made with another tokenizer",
          bad - ids.begin(), bad == ids.end() ? 0 : *bad, vocabulary);
}

}  // namespace

void CrossEntropy::validate() const {
  require(logits.given() && logits.shape().rank() == 2, Fault::bug,
          "cross_entropy: logits is {}, wanted (T, V)", to_string(logits.shape()));
  const std::int64_t tokens = logits.extent(0);
  require_f32(logits, "cross_entropy", "logits");
  require_tensor(targets, DType::i32, {tokens}, "cross_entropy", "targets");
  require_tensor(loss, DType::f32, {tokens}, "cross_entropy", "loss");
  require_tensor(lse, DType::f32, {tokens}, "cross_entropy", "lse");
  require_apart(loss, lse, "cross_entropy", "loss and lse");
  require_apart(loss, logits, "cross_entropy", "loss and logits");
  require_apart(lse, logits, "cross_entropy", "lse and logits");
  require(z_weight >= 0, Fault::bug, "cross_entropy: z_weight = {}, wanted 0 or more", z_weight);
}

void cross_entropy(Exec& ex, const CrossEntropy& a) {
  const Scope scope("cross_entropy");
  a.validate();
  if (ex.measuring()) return;
  const std::int64_t vocabulary = a.logits.extent(1);
  require_targets(a.targets, vocabulary);
  float* logits = a.logits.ptr<float>();
  const std::int32_t* targets = a.targets.ptr<const std::int32_t>();
  float* loss = a.loss.ptr<float>();
  float* lse = a.lse.ptr<float>();
  cpu::parallel_blocks(ex, a.logits.extent(0), cpu::tokens_per_thread(vocabulary),
                       [&](std::int64_t first, std::int64_t last, int) {
                         for (std::int64_t t = first; t < last; ++t) {
                           float* row = logits + t * vocabulary;
                           cpu::RowLoss result;  // zero: what an ignored token has
                           if (targets[t] >= 0) {
                             result = cpu::cross_entropy_row(size_of(vocabulary),
                                                             static_cast<std::size_t>(targets[t]),
                                                             a.scale, a.z_weight, a.gradient, row);
                           } else if (a.gradient) {
                             std::fill(row, row + vocabulary, 0.0F);
                           }
                           loss[t] = result.loss;
                           lse[t] = result.lse;
                         }
                       });
}

}  // namespace mneme
