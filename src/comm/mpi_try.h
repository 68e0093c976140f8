#pragma once

namespace mneme {

/// Throws Fault::machine with MPI's own words unless `code` is MPI_SUCCESS.
void mpi_try(int code, const char* call);

}  // namespace mneme
