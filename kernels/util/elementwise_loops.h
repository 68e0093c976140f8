#pragma once

#include <cstddef>

namespace mneme::cpu {

/// Vector loops over n elements, chosen at run time.

/// y += x
void add_elements(std::size_t n, const float* x, float* y);
/// y += factor * x
void add_scaled_elements(std::size_t n, float factor, const float* x, float* y);
/// sum of x^2 in f64
double sum_squares_elements(std::size_t n, const float* x);
/// sum of x in f64
double sum_elements(std::size_t n, const float* x);

}  // namespace mneme::cpu
