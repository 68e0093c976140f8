#include "nn/batch_norm.h"

#include <cmath>

#include "kernels/norm/standardize.h"

#include "base/scope.h"

namespace mneme {
namespace {

constexpr double momentum = 0.1;

void keep_running(std::span<float> running, std::size_t i, double value) {
  running[i] =
      static_cast<float>((1 - momentum) * static_cast<double>(running[i]) + momentum * value);
}

}  // namespace

BatchNorm::BatchNorm(const ParamScope& scope, std::int64_t features, float eps, Communicator& world)
    : features_(features),
      eps_(eps),
      mean_(scope.declare({.name = "running_mean",
                           .shape = {features},
                           .init = Constant{0},
                           .group = Group::statistics})),
      variance_(scope.declare({.name = "running_variance",
                               .shape = {features},
                               .init = Constant{1},
                               .group = Group::statistics})),
      world_(&world) {}

/// sums (2, F) f64 over the tokens of all ranks, in rank order.
void BatchNorm::reduce_moments(Exec& ex, ConstView x, ConstView y, View sums) const {
  column_moments(ex, {.x = x, .y = y, .sums = sums});
  world_->all_reduce(sums, Reduce::sum, ex).wait();
}

BatchNorm::Saved BatchNorm::forward(
    Exec& ex, ParamSet& ps, Mode mode, ConstView x, Arena& keep) const {
  const Scope scope("batch_norm");
  const Saved s{keep.take(DType::f32, x.shape(), "query.batch_norm"),
                keep.take(DType::f32, {features_}, "query.batch_norm_scale")};
  const auto mark = ex.scratch.mark();
  const View shift = ex.scratch.take(DType::f32, {features_}, "query.batch_norm_shift");
  const View sums = ex.scratch.take(DType::f64, {2, features_}, "query.batch_norm_sums");
  if (mode != Mode::evaluate) reduce_moments(ex, x, x, sums);
  if (!ex.measuring()) {
    const auto total = sums.span<const double>();
    const auto mean = ps[mean_].weight.span<float>();
    const auto variance = ps[variance_].weight.span<float>();
    const auto tokens = static_cast<double>(x.extent(0) * world_->size());
    for (std::size_t i = 0; i < mean.size(); ++i) {
      double m = static_cast<double>(mean[i]);
      double v = static_cast<double>(variance[i]);
      if (mode != Mode::evaluate) {
        m = total[i] / tokens;
        v = std::max(0.0, total[mean.size() + i] / tokens - m * m);
      }
      if (mode == Mode::train) {
        keep_running(mean, i, m);
        keep_running(variance, i, v);
      }
      const double inverse = 1.0 / std::sqrt(v + static_cast<double>(eps_));
      s.inverse.span<float>()[i] = static_cast<float>(inverse);
      shift.span<float>()[i] = static_cast<float>(-m * inverse);
    }
  }
  column_affine(ex, {.x = x, .scale = s.inverse, .shift = shift, .y = s.y});
  return s;
}

void BatchNorm::backward(Exec& ex, const Saved& s, ConstView dy, View dx) const {
  const Scope scope("batch_norm_backward");
  const auto mark = ex.scratch.mark();
  const View shift = ex.scratch.take(DType::f32, {features_}, "query.batch_norm_shift");
  const View slope = ex.scratch.take(DType::f32, {features_}, "query.batch_norm_slope");
  const View sums = ex.scratch.take(DType::f64, {2, features_}, "query.batch_norm_sums");
  reduce_moments(ex, dy, s.y, sums);
  if (!ex.measuring()) {
    const auto total = sums.span<const double>();
    const auto inverse = s.inverse.span<const float>();
    const auto tokens = static_cast<double>(dy.extent(0) * world_->size());
    for (std::size_t i = 0; i < inverse.size(); ++i) {
      const double scale = -static_cast<double>(inverse[i]) / tokens;
      shift.span<float>()[i] = static_cast<float>(scale * total[i]);
      slope.span<float>()[i] = static_cast<float>(scale * total[inverse.size() + i]);
    }
  }
  column_affine(ex,
                {.x = dy, .scale = s.inverse, .shift = shift, .y = dx, .z = s.y, .z_scale = slope});
}

}  // namespace mneme
