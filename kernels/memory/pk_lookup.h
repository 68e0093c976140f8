#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// Product-key lookup (Lample et al., NeurIPS 2019, section 3.2). Per token t and head h:
///   s1[i] = scale * q1[t,h].keys1[h,i],  s2 likewise;  the k best of each half by descending
///   score, then lower index;  the k best sums of pairs by descending sum, then lower rank in half
///   1, then lower rank in half 2.  row = i1*N + i2.
///
///   E = half key width, N = half-keys. Only pairs of ranks (p, r) with p*r <= k can win (ranks
///   from 1): 119 candidates for k = 32. The (T, H, N) scores exist only as a tile per thread in
///   scratch. Results do not depend on the number of threads.
struct PkLookupForward {
  ConstView q1;     // (T, H, E) f32
  ConstView q2;     // (T, H, E) f32
  ConstView keys1;  // (H, N, E) f32
  ConstView keys2;  // (H, N, E) f32
  float scale = 1;
  View rows;    // (T, H, k) i32 in [0, N*N), k <= N
  View scores;  // (T, H, k) f32, descending
  void validate() const;
};
void pk_lookup_forward(Exec& ex, const PkLookupForward& a);

/// dq1[t,h] = scale * sum_j ds[t,h,j] * keys1[h, rows/N],  dkeys1[h,i] += scale * sum ds * q1;
/// half 2 likewise with rows mod N. dkeys are summed in token order per key, for any thread count.
struct PkLookupBackward {
  ConstView dscores;  // (T, H, k) f32
  ConstView rows;     // (T, H, k) i32
  ConstView q1;       // (T, H, E) f32
  ConstView q2;       // (T, H, E) f32
  ConstView keys1;    // (H, N, E) f32
  ConstView keys2;    // (H, N, E) f32
  float scale = 1;
  View dq1;     // (T, H, E) f32, overwritten
  View dq2;     // (T, H, E) f32, overwritten
  View dkeys1;  // (H, N, E) f32, added to
  View dkeys2;  // (H, N, E) f32, added to
  void validate() const;
};
void pk_lookup_backward(Exec& ex, const PkLookupBackward& a);

/// The baseline that product keys replace: R keys compared one by one, the k best by descending
/// score, then lower index.
struct FlatLookupForward {
  ConstView q;     // (T, H, D) f32
  ConstView keys;  // (H, R, D) f32
  float scale = 1;
  View rows;    // (T, H, k) i32 in [0, R)
  View scores;  // (T, H, k) f32
  void validate() const;
};
void flat_lookup_forward(Exec& ex, const FlatLookupForward& a);

/// dq[t,h] = scale * sum_j ds[t,h,j] * keys[h, rows],  dkeys[h,r] += scale * sum ds * q, summed in
/// token order per key, for any thread count.
struct FlatLookupBackward {
  ConstView dscores;  // (T, H, k) f32
  ConstView rows;     // (T, H, k) i32
  ConstView q;        // (T, H, D) f32
  ConstView keys;     // (H, R, D) f32
  float scale = 1;
  View dq;     // (T, H, D) f32, overwritten
  View dkeys;  // (H, R, D) f32, added to
  void validate() const;
};
void flat_lookup_backward(Exec& ex, const FlatLookupBackward& a);

/// w = softmax over the last dimension.
struct SlotSoftmaxForward {
  ConstView scores;  // (T, H, k) f32
  View weights;      // (T, H, k) f32; may be scores
  void validate() const;
};
void slot_softmax_forward(Exec& ex, const SlotSoftmaxForward& a);

/// ds = w * (dw - sum_j w*dw)
struct SlotSoftmaxBackward {
  ConstView weights;   // (T, H, k) f32
  ConstView dweights;  // (T, H, k) f32
  View dscores;        // (T, H, k) f32; may be dweights
  void validate() const;
};
void slot_softmax_backward(Exec& ex, const SlotSoftmaxBackward& a);

}  // namespace mneme
