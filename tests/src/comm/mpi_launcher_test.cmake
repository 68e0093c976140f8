# cmake -DPROBE=program -P this: tasks that a launcher started, but that this MPI does not know as its
# ranks, must not each go on alone.
foreach(variables "SLURM_STEP_NUM_TASKS=4;SLURM_PROCID=0" "PMI_SIZE=4;PMI_RANK=0")
  execute_process(COMMAND ${CMAKE_COMMAND} -E env ${variables} ${PROBE} TIMEOUT 30
                  RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
  message(STATUS "${variables}: status ${status}\n${out}${err}")
  if(NOT status STREQUAL "5")
    message(FATAL_ERROR "exit status '${status}', wanted 5 (the fault 'machine')")
  endif()
  if(NOT err MATCHES "the launcher started 4 ranks, but MPI sees 1: use the mpirun of the MPI")
    message(FATAL_ERROR "the message does not say what is wrong")
  endif()
endforeach()
