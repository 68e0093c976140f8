#pragma once

#include <optional>

#include "nn/attention.h"
#include "nn/memory_layer.h"
#include "nn/swiglu_ffn.h"

namespace mneme {

/// h_mid = h_in + Attention(RMSNorm(h_in));  h_out = h_mid + FFN(RMSNorm(h_mid)), where the FFN is
/// SwiGLU, a memory layer, or both with their outputs added.
class Block {
 public:
  struct Saved {
    ConstView h_in;  // (T, C)
    View normed1;    // (T, C)
    View rstd1;      // (T)
    Attention::Saved attention;
    View h_mid;    // (T, C)
    View normed2;  // (T, C)
    View rstd2;    // (T)
    std::optional<SwiGluFfn::Saved> ffn;
    std::optional<MemoryLayer::Saved> memory;
  };
  struct Options {
    std::int64_t channels = 0;
    float norm_eps = 1e-5F;
    AttentionShape attention;
    std::int64_t ffn_hidden = 0;
    bool has_ffn = true;
  };
  Block(const ParamScope& scope, const Options& options);
  /// The memory layer of this block, declared after its attention and norms.
  void set_memory(MemoryLayer memory) { memory_.emplace(std::move(memory)); }

  /// h_out (T, C) is overwritten. What backward needs is taken from `keep`.
  Saved forward(
      Exec& ex, ParamSet& ps, const Pass& pass, ConstView h_in, View h_out, Arena& keep) const;
  /// dh (T, C): the gradient of h_out becomes that of h_in.
  void backward(Exec& ex, ParamSet& ps, const Pass& pass, const Saved& saved, View dh) const;

  /// Generation: h (n, C) of new tokens becomes the block's output; scratch only.
  void forward_cached(Exec& ex,
                      ParamSet& ps,
                      const Attention::CachedPass& pass,
                      View h,
                      const Attention::Cache& cache) const;

 private:
  RmsNorm norm1_;
  Attention attention_;
  RmsNorm norm2_;
  std::optional<SwiGluFfn> ffn_;
  std::optional<MemoryLayer> memory_;
};

}  // namespace mneme
