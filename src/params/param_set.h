#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/memory/row_sums.h"

#include "params/placement.h"
#include "params/row_keeper.h"
#include "params/spec.h"
#include "runtime/arena.h"
#include "tensor/view.h"

namespace mneme {

/// A parameter of the set it was declared in.
struct ParamId {
  int index = -1;
};

struct Param {
  ParamSpec spec;
  LocalBlock block;             // this rank's part
  View weight;                  // block.shape, spec.type
  View grad;                    // block.shape f32, only for GradKind::dense that is trained
  RowSums row_sums;             // only for GradKind::sparse_rows
  RowKeeper* keeper = nullptr;  // not owned; sees rows before they are read
  bool is_trained() const { return spec.group != Group::statistics; }
};

/// Fills `rows` with rows first, first + 1, .. of a block, in its dtype.
using RowSource = std::function<void(std::int64_t first, const View& rows)>;

/// A tensor that a checkpoint holds: its global shape and the block that this rank holds of it.
struct StateItem {
  std::string name;
  Shape shape;  // global
  Placement place;
  View local;
  RowSource rows = nullptr;  // where given: what is saved instead of what `local` holds
};

/// The one list of all parameters of a model. Modules declare; everything else reads.
class ParamSet {
 public:
  explicit ParamSet(MeshPosition position = {}) : position_(std::move(position)) {}

  /// Refuses a second parameter of the same name.
  ParamId declare(ParamSpec spec);

  /// Takes weights and gradients from arenas: one contiguous slab per (group, kind) in each, so
  /// that a group's gradient is one flat view. Row sums of sparse parameters come from `grads` too.
  void allocate(Arena& weights, Arena& grads);

  /// Gives every parameter its declared initial value: Philox(seed, "init/<name>"), element =
  /// global index. The same for any mesh. Cost: one normal quantile per element, on ex.threads
  /// threads.
  void initialise(Exec& ex, std::uint64_t seed);

  /// Gradients to zero and no row touched: once per optimizer step.
  void begin_step(Exec& ex);

  Param& operator[](ParamId id) { return params_.at(static_cast<std::size_t>(id.index)); }
  const Param& operator[](ParamId id) const {
    return params_.at(static_cast<std::size_t>(id.index));
  }
  std::deque<Param>& all() { return params_; }
  const std::deque<Param>& all() const { return params_; }
  /// All dense gradients of a group as one view, (n) f32; no view if the group is empty.
  View flat_grad(Group group) const;
  const MeshPosition& position() const { return position_; }

  /// Elements of the global tensors of trained parameters, whole or of one group.
  std::int64_t count() const;
  std::int64_t count(Group group) const;

  /// The weights by name, for checkpoints.
  std::vector<StateItem> state_items() const;

 private:
  MeshPosition position_;
  std::deque<Param> params_;  // a deque: references stay valid while modules declare
  std::vector<std::pair<Group, View>> flat_grads_;
};

/// Adds a name prefix, so that a module never knows where in the model it sits.
class ParamScope {
 public:
  explicit ParamScope(ParamSet& set, std::string prefix = "")
      : set_(&set), prefix_(std::move(prefix)) {}
  ParamScope in(std::string_view name) const;
  ParamScope in(std::string_view name, std::int64_t index) const;
  ParamId declare(ParamSpec spec) const;
  const std::string& prefix() const { return prefix_; }
  ParamSet& set() const { return *set_; }

 private:
  ParamSet* set_;
  std::string prefix_;  // "" or ends in "."
};

}  // namespace mneme
