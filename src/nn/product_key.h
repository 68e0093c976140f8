#pragma once

#include <array>
#include <optional>
#include <vector>

#include "nn/batch_norm.h"
#include "nn/memory_config.h"
#include "nn/pass.h"
#include "params/param_set.h"

namespace mneme {

/// The keys of a memory layer: two tables of half-keys (H, N, D/2), or one of flat keys (H, R, D);
/// with qk_norm their gains (width). Several layers may share one set.
class KeySet {
 public:
  KeySet(const ParamScope& scope, const ResolvedMemory& memory);
  int parts() const { return static_cast<int>(keys_.size()); }
  std::int64_t width() const { return width_; }  // D/2 or D
  bool is_normalised() const { return !gains_.empty(); }

  /// Keys of one part as the lookup reads them, (H, n, width): the parameter itself, or its RMSNorm
  /// in ex.scratch with `rstd` for backward.
  struct Read {
    ConstView keys;
    View rstd;  // (H*n), only when normalised
  };
  Read read(Exec& ex, const ParamSet& ps, int part) const;
  /// Where the lookup adds this part's key gradients: the gradient itself, or zeros in ex.scratch
  /// ...
  View grad(Exec& ex, ParamSet& ps, int part) const;
  /// ... which this passes on through the normalisation.
  void backward(Exec& ex, ParamSet& ps, int part, const Read& read, ConstView grad) const;

 private:
  std::int64_t heads_;
  std::int64_t count_;
  std::int64_t width_;
  float eps_;
  std::vector<ParamId> keys_;   // per part
  std::vector<ParamId> gains_;  // per part, or empty
};

/// From x to the rows a memory layer reads and their weights (METHOD: query, scores, top-k,
/// softmax).
///   q = Wq x + bq, in parts of width D/2 (product) or one of width D (flat): Wq's rows are
///   (part, head, element);  query_norm, then qk_norm;  lookup;  w = softmax over a head's k
///   scores.
class KeyLookup {
 public:
  struct Part {
    View raw;                               // (T*H, width): before qk_norm
    View rstd;                              // (T*H), with qk_norm
    View q;                                 // (T*H, width): as looked up
    View layer_rstd;                        // (T*H), with query_norm: layer
    std::optional<BatchNorm::Saved> batch;  // with query_norm: batch
  };
  struct Saved {
    ConstView x;  // (T, C)
    std::array<Part, 2> parts;
    View rows;     // (T, H, k) i32
    View weights;  // (T, H, k) f32
  };
  KeyLookup(const ParamScope& scope,
            const ResolvedMemory& memory,
            const KeySet& keys,
            Communicator& world);
  Saved forward(Exec& ex, ParamSet& ps, Mode mode, ConstView x, Arena& keep) const;
  /// dweights (T, H, k) f32; dx (T, C) is added to.
  void backward(Exec& ex, ParamSet& ps, const Saved& saved, ConstView dweights, View dx) const;

 private:
  Part make_query(Exec& ex, ParamSet& ps, Mode mode, int part, ConstView x, Arena& keep) const;
  void query_backward(Exec& ex, ParamSet& ps, int part, const Saved& saved, View dq, View dx) const;
  void look_up(Exec& ex, const ParamSet& ps, const Saved& saved, View scores) const;
  float scale() const;

  ResolvedMemory memory_;
  KeySet keys_;
  ParamId weight_;                      // (parts*H*width, C)
  ParamId bias_;                        // (parts*H*width)
  std::vector<ParamId> gains_;          // per part, with qk_norm: rms
  std::vector<BatchNorm> batch_norms_;  // per part, with query_norm: batch
};

}  // namespace mneme
