#pragma once

#include <cstring>
#include <functional>
#include <numeric>
#include <vector>

#include "kernels/memory/row_sums.h"

#include "base/philox.h"
#include "optim/optimizer.h"
#include "params/param_set.h"

namespace mneme::test {

/// One parameter of every group, with an optimizer; gradients are set by hand.
class SomeParams {
 public:
  static constexpr std::int64_t rows = 10;
  static constexpr std::int64_t width = 12;

  SomeParams(const OptimizerConfig& config, std::int64_t steps, MeshPosition position = {})
      : params(std::move(position)) {
    const auto dense = [&](const char* name, Shape shape, Group group) {
      params.declare({.name = name, .shape = shape, .init = Normal{0.5}, .group = group});
    };
    dense("matrix", {5, 7}, Group::matrices);
    dense("gain", {9}, Group::vectors);
    dense("embedding", {6, 4}, Group::embedding);
    dense("keys", {3, 8}, Group::memory_keys);
    params.declare({.name = "pool.values",
                    .shape = {rows, width},
                    .init = Normal{0.5},
                    .group = Group::memory_values,
                    .place = Split{"memory", 1},
                    .grad = GradKind::sparse_rows,
                    .touched_rows = rows});
    dense("running", {4}, Group::statistics);
    optimizer = std::make_unique<Optimizer>(config, steps, 1, params, true);
    params.allocate(weights_, grads_);
    optimizer->allocate(moments_);
    params.initialise(ex, 7);
    optimizer->initialise(ex);
  }

  Param& param(const std::string& name) {
    for (Param& p : params.all()) {
      if (p.spec.name == name) return p;
    }
    throw std::out_of_range(name);
  }
  Param& pool() { return param("pool.values"); }

  /// The gradient of a parameter's element in a step: normal, of size 1.
  static float gradient(const std::string& name, std::int64_t step, std::int64_t element) {
    const Philox random(5, "test/gradient/" + name);
    return static_cast<float>(
        random.normal(static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(element)));
  }
  void set_gradients(std::int64_t step, const std::vector<std::int32_t>& touched) {
    params.begin_step(ex);
    for (Param& p : params.all()) {
      if (!p.grad.given()) continue;
      const auto g = p.grad.span<float>();
      for (std::size_t i = 0; i < g.size(); ++i)
        g[i] = gradient(p.spec.name, step, static_cast<std::int64_t>(i));
    }
    const auto n = static_cast<std::int64_t>(touched.size());
    if (n == 0) return;
    std::vector<float> ones(touched.size(), 1);
    std::vector<float> dout;
    for (const std::int32_t row : touched) {
      for (std::int64_t c = 0; c < width; ++c)
        dout.push_back(gradient("pool.values", step, row * width + c));
    }
    const std::vector<PoolReads> reads{{.rows = view_of(std::span(touched), {n, 1}),
                                        .weights = view_of(std::span(ones), {n, 1}),
                                        .dout = view_of(std::span(dout), {n, width})}};
    pool_accumulate(ex, {.reads = reads, .into = &pool().row_sums});
  }
  /// A training step as the engine takes it: rows are caught up before they are read.
  void step(std::int64_t step,
            const std::vector<std::int32_t>& touched,
            double main,
            double values) {
    optimizer->begin_step(step);
    const auto n = static_cast<std::int64_t>(touched.size());
    if (n > 0) pool().keeper->catch_up(ex, view_of(std::span(touched), {n}));
    set_gradients(step, touched);
    optimizer->update(ex, step, main, values);
  }

  std::vector<StateItem> state() const {
    std::vector<StateItem> items = params.state_items();
    for (StateItem& item : optimizer->state_items()) items.push_back(std::move(item));
    return items;
  }
  /// Takes over what another has, as a checkpoint would bring it.
  void load(const SomeParams& other) {
    const auto from = other.state();
    const auto to = state();
    for (std::size_t i = 0; i < to.size(); ++i)
      std::memcpy(to.at(i).local.data(), from.at(i).local.data(), to[i].local.bytes());
  }

 private:
  Arena weights_{"weights", 1 << 16, cpu_device};
  Arena grads_{"grads", 1 << 16, cpu_device};
  Arena moments_{"moments", 1 << 16, cpu_device};
  Arena scratch_{"scratch", 1 << 22, cpu_device};

 public:
  ParamSet params;
  std::unique_ptr<Optimizer> optimizer;
  Exec ex{cpu_device, scratch_, 2};
};

}  // namespace mneme::test
