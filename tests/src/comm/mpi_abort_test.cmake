# cmake -DMPIEXEC=mpirun -DPROBE=program -P this: one failing rank ends all within 10 s, with its own
# message and its fault as the exit status.
execute_process(COMMAND ${MPIEXEC} -n 3 ${PROBE} TIMEOUT 10
                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
message(STATUS "status ${status}\n${out}${err}")
if(NOT status STREQUAL "3")
  message(FATAL_ERROR "exit status '${status}', wanted 3 (the fault 'data')")
endif()
if(NOT err MATCHES "^\\[rank 1\\] the token file is cut short")
  message(FATAL_ERROR "the failing rank's message does not come first")
endif()
if(out MATCHES "not reached")
  message(FATAL_ERROR "a rank went on")
endif()
