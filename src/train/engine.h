#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "comm/mesh.h"
#include "data/batch.h"
#include "model/transformer.h"
#include "nn/pool_use.h"
#include "optim/grad_clip.h"
#include "optim/optimizer.h"
#include "train/run_config.h"

namespace mneme {

/// The arenas of a rank; each is one allocation, made to the byte that the measuring run found.
struct Arenas {
  Arena weights;
  Arena grads;
  Arena optimizer;
  Arena statistics;  // counters of pool use
  Arena keep;        // activations from forward to backward
  Arena scratch;     // inside one op or module

  static Arenas measuring();
  /// As large as the peaks of `measured`.
  static Arenas sized(const Arenas& measured);
  std::array<const Arena*, 6> all() const {
    return {&weights, &grads, &optimizer, &statistics, &keep, &scratch};
  }
  std::size_t peak() const;
};

/// What one rank computes with: model, gradients, optimizer and their memory. Built twice by the
/// same code: on measuring arenas for the plan, then on real ones.
class Engine {
 public:
  enum class Purpose : std::uint8_t {
    train,
    read_only
  };  // read_only: no gradients, moments of the pool at most

  /// `config.model.vocabulary` is set. `mesh` must outlive the engine.
  Engine(const RunConfig& config, const Mesh& mesh, Purpose purpose, Arenas arenas, int threads);

  Engine(const Engine&) = delete;  // exec() points into the engine
  Engine& operator=(const Engine&) = delete;
  ~Engine() = default;

  /// Initial values and empty moments.
  void initialise();

  struct Step {
    double loss = 0;           // mean -log p over the global batch's targets
    std::int64_t targets = 0;  // of the global batch
    ClipResult clip;
  };
  /// Optimizer step `step` (from 1): forward and backward of all micro-batches, one reduction, one
  /// clipping, one update. `targets`: of the global batch. Throws Fault::user when the loss or a
  /// norm is not finite; the state is then as before the update. Collective.
  Step train_step(std::int64_t step, const std::vector<Batch>& micro, std::int64_t targets);

  /// Sum of -log p over this rank's targets of a batch. State is as after step `step`. Collective.
  double evaluate(std::int64_t step, const Batch& batch);

  /// The largest step of this config, without data: on measuring arenas.
  void measure();
  void measure_evaluation(std::int64_t samples);

  PoolUse::Summary summarise_use();
  bool has_pool() const { return !model_.pools().empty(); }

  /// Everything that a checkpoint holds.
  std::vector<StateItem> state_items() const;
  /// The weights alone, as evaluate(step, ..) sees them; see Optimizer::settled_weights.
  std::vector<StateItem> settled_weights(std::int64_t step) {
    return optimizer_.settled_weights(ex_, step);
  }

  /// After a load into a read_only engine: brings every pool row to step `step`.
  void settle(std::int64_t step) { optimizer_.settle(ex_, step); }

  Exec& exec() { return ex_; }
  ParamSet& params() { return params_; }
  const ParamSet& params() const { return params_; }
  const Transformer& model() const { return model_; }
  Optimizer& optimizer() { return optimizer_; }
  const Arenas& arenas() const { return arenas_; }
  const Cost& cost() const { return cost_; }
  const RunConfig& config() const { return config_; }
  const Mesh& mesh() const { return *mesh_; }
  std::int64_t micro_batch_samples() const;

 private:
  double run_micro_batch(const TokenBatch& batch, float scale);
  Step finish_step(std::int64_t step, double loss_sum, std::int64_t targets);
  void require_finite(std::int64_t step, const Step& result) const;
  TokenBatch measured_batch(std::int64_t samples) const;

  RunConfig config_;
  const Mesh* mesh_;
  Arenas arenas_;
  Cost cost_;
  Exec ex_;
  ParamSet params_;
  Transformer model_;
  Optimizer optimizer_;
  std::optional<PoolUse> use_;
};

/// Where this rank sits on the mesh's axes.
MeshPosition position_on(const Mesh& mesh);

}  // namespace mneme
