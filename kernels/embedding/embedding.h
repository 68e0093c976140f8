#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// out[t,:] = table[tokens[t],:]
struct EmbeddingForward {
  ConstView table;   // (V, C) f32
  ConstView tokens;  // (T) i32 in [0, V)
  View out;          // (T, C) f32
  void validate() const;
};
void embedding_forward(Exec& ex, const EmbeddingForward& a);

/// dtable[v,:] += sum over t with tokens[t] = v of dout[t,:], in token order for any thread count.
struct EmbeddingBackward {
  ConstView dout;    // (T, C) f32
  ConstView tokens;  // (T) i32
  View dtable;       // (V, C) f32, added to
  void validate() const;
};
void embedding_backward(Exec& ex, const EmbeddingBackward& a);

}  // namespace mneme
