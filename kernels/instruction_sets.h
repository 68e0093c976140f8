#pragma once

#include <string>

namespace mneme {

/// The instruction set that vector code of the ops runs with on this CPU: "AVX2", "AVX3_ZEN4".
std::string vector_instructions();

/// What multiplies matrices, and with which instructions: "oneDNN 2.6.3 (AVX2)", "own loops".
std::string matmul_library();

}  // namespace mneme
