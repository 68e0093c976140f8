#pragma once

#include <cstddef>

namespace mneme::cpu {

/// The vector loops of kernels/act/silu_gate.h over n elements. Any output may be any input.
void silu_gate_elements_forward(std::size_t n, const float* y, const float* u, float* z);
void silu_gate_elements_backward(
    std::size_t n, const float* dz, const float* y, const float* u, float* dy, float* du);

/// out = factor * y
void scale_elements(std::size_t n, float factor, const float* y, float* out);
/// sum of a*b
float dot_elements(std::size_t n, const float* a, const float* b);

}  // namespace mneme::cpu
