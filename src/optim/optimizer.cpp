#include "optim/optimizer.h"

#include "kernels/util/elementwise.h"

#include "base/scope.h"

namespace mneme {

Optimizer::Optimizer(const OptimizerConfig& config,
                     std::int64_t steps,
                     std::uint64_t seed,
                     ParamSet& ps,
                     bool pool_master)
    : config_(config), steps_(steps), ps_(&ps), pool_master_(pool_master) {
  int index = 0;
  for (Param& p : ps.all()) {
    std::unique_ptr<PoolKeeper> keeper;
    if (p.spec.grad == GradKind::sparse_rows) {
      keeper = std::make_unique<PoolKeeper>(config, steps, seed, ParamId{index});
      p.keeper = keeper.get();
    }
    keepers_.push_back(std::move(keeper));
    ++index;
  }
}

Optimizer::~Optimizer() {
  for (Param& p : ps_->all()) p.keeper = nullptr;
}

void Optimizer::allocate(Arena& optimizer) {
  moments_.clear();
  for (std::size_t i = 0; i < keepers_.size(); ++i) {
    const Param& p = ps_->all()[i];
    Moments moments;
    if (keepers_[i]) {
      keepers_[i]->allocate(*ps_, pool_master_, optimizer);
    } else if (p.is_trained()) {
      moments.m = optimizer.take(DType::f32, p.block.shape, "optimizer.m");
      moments.v = optimizer.take(DType::f32, p.block.shape, "optimizer.v");
    }
    moments_.push_back(moments);
  }
}

void Optimizer::allocate_keepers(Arena& optimizer) {
  moments_.assign(keepers_.size(), {});
  if (config_.pool_update != PoolUpdate::exact) {
    for (Param& p : ps_->all()) p.keeper = nullptr;  // rows are as they are stored
    keepers_.clear();
    keepers_.resize(moments_.size());
    return;
  }
  for (const auto& keeper : keepers_) {
    if (keeper) keeper->allocate(*ps_, pool_master_, optimizer);
  }
}

void Optimizer::initialise(Exec& ex) {
  for (std::size_t i = 0; i < keepers_.size(); ++i) {
    if (keepers_[i]) {
      keepers_[i]->initialise(ex);
    } else if (moments_[i].m.given()) {
      zero(ex, moments_[i].m);
      zero(ex, moments_[i].v);
    }
  }
}

void Optimizer::begin_step(std::int64_t step) {
  for (const auto& keeper : keepers_) {
    if (keeper) keeper->begin_step(step);
  }
}

void Optimizer::update(Exec& ex, std::int64_t step, double scale_main, double scale_values) {
  const Scope scope("optimizer");
  for (std::size_t i = 0; i < keepers_.size(); ++i) {
    const Param& p = ps_->all()[i];
    if (keepers_[i]) {
      keepers_[i]->update(ex, p.row_sums, step, scale_values);
    } else if (p.is_trained()) {
      AdamWStep s = adamw_step(config_, p.spec.group, step, steps_);
      s.grad_scale = scale_main;
      adamw(
          ex,
          {.weight = p.weight, .grad = p.grad, .m = moments_[i].m, .v = moments_[i].v, .step = s});
    }
  }
}

void Optimizer::settle(Exec& ex, std::int64_t step) {
  for (const auto& keeper : keepers_) {
    if (keeper) keeper->settle(ex, step);
  }
}

bool Optimizer::settle_debt(Exec& ex,
                            const OptimizerConfig& saved,
                            std::int64_t steps,
                            std::int64_t step) {
  bool settled = false;
  for (const auto& keeper : keepers_) {
    if (keeper && keeper->settle_debt(ex, saved, steps, step)) settled = true;
  }
  return settled;
}

std::vector<StateItem> Optimizer::settled_weights(Exec& ex, std::int64_t step) {
  begin_step(step + 1);
  std::vector<StateItem> items = ps_->state_items();
  for (std::size_t i = 0; i < keepers_.size(); ++i) {
    const PoolKeeper* keeper = keepers_[i].get();
    if (keeper == nullptr || !keeper->may_lag()) continue;
    items[i].rows = [keeper, &ex](std::int64_t first, const View& rows) {
      keeper->settled_rows(ex, first, rows);
    };
  }
  return items;
}

std::vector<StateItem> Optimizer::state_items() const {
  std::vector<StateItem> items;
  for (std::size_t i = 0; i < keepers_.size(); ++i) {
    const Param& p = ps_->all()[i];
    if (keepers_[i]) {
      for (StateItem& item : keepers_[i]->state_items(*ps_)) items.push_back(std::move(item));
    } else if (moments_[i].m.given()) {
      items.push_back({"optimizer.m." + p.spec.name, p.spec.shape, p.spec.place, moments_[i].m});
      items.push_back({"optimizer.v." + p.spec.name, p.spec.shape, p.spec.place, moments_[i].v});
    }
  }
  return items;
}

}  // namespace mneme
