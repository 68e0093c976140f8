#include "comm/mpi_try.h"

#include <array>
#include <string_view>

#include <mpi.h>

#include "base/check.h"
#include "base/math.h"

namespace mneme {

void mpi_try(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  fail(Fault::machine, "{} failed: {}", call, std::string_view(text.data(), size_of(length)));
}

}  // namespace mneme
