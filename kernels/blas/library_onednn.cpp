#include <fmt/format.h>

#include "kernels/instruction_sets.h"

#if MNEME_WITH_ONEDNN

#include <oneapi/dnnl/dnnl.hpp>

namespace mneme {
namespace {

std::string instructions() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "SSE4.1";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx512_core:
      return "AVX-512";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "AVX-512 with VNNI";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "AVX-512 with bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "AVX-512 with AMX";
    default:
      return "another instruction set";
  }
}

}  // namespace

std::string matmul_library() {
  const auto* v = dnnl::version();
  return fmt::format("oneDNN {}.{}.{} ({})", v->major, v->minor, v->patch, instructions());
}

}  // namespace mneme

#else

namespace mneme {

std::string matmul_library() {
  return "own loops";
}

}  // namespace mneme

#endif  // MNEME_WITH_ONEDNN
