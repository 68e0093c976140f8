#include <cmath>

#include <fmt/format.h>

#include "kernels/parallel.h"

#include "base/philox.h"
#include "base/scope.h"
#include "params/param_set.h"

namespace mneme {
namespace {

/// The initial value of one element.
struct Draw {
  const Philox& random;
  std::uint64_t element;

  double operator()(const Constant& c) const { return c.value; }
  double operator()(const Normal& n) const { return n.std * random.normal(0, element); }
  double operator()(const TruncatedNormal& n) const {
    return n.std * random.truncated_normal(0, element, n.cut);
  }
  double operator()(const Uniform& u) const {
    return u.bound * (2 * random.uniform(0, element) - 1);
  }
};

/// Global index of a local element: only dimensions 0 and 1 are ever split.
struct GlobalIndex {
  std::int64_t local_inner;   // elements behind the split dimension's block
  std::int64_t global_inner;  // the same in the global tensor
  std::int64_t offset;        // of the block's first element

  GlobalIndex(const Shape& global, const LocalBlock& block) {
    std::int64_t behind = 1;
    for (int i = block.dimension + 1; i < global.rank(); ++i) behind *= global[i];
    const std::int64_t whole = global.rank() == 0 ? 1 : global[block.dimension];
    local_inner = block.range.count() * behind;
    global_inner = whole * behind;
    offset = block.range.first * behind;
  }
  std::int64_t operator()(std::int64_t i) const {
    return i / local_inner * global_inner + offset + i % local_inner;
  }
};

template <class X>
void fill(const Exec& ex, const Param& p, const Philox& random) {
  X* out = p.weight.ptr<X>();
  const GlobalIndex global(p.spec.shape, p.block);
  cpu::parallel_blocks(ex, p.weight.count(), [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t i = first; i < last; ++i) {
      const Draw draw{random, static_cast<std::uint64_t>(global(i))};
      out[i] = from_f32<X>(static_cast<float>(std::visit(draw, p.spec.init)));
    }
  });
}

}  // namespace

Uniform xavier_uniform(std::int64_t fan_in, std::int64_t fan_out) {
  return {std::sqrt(6.0 / static_cast<double>(fan_in + fan_out))};
}

void ParamSet::initialise(Exec& ex, std::uint64_t seed) {
  const Scope scope("initialise");
  for (Param& p : params_) {
    if (ex.measuring() || p.weight.count() == 0) continue;
    const Philox random(seed, "init/" + p.spec.name);
    with_type<float, Bf16>(p.spec.type, "initialise", [&]<class X>() { fill<X>(ex, p, random); });
  }
  begin_step(ex);
}

}  // namespace mneme
