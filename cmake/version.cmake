# What `mneme --version` prints beside base/build_info.h. Only src/app/version.cpp sees these two
# files, so a new commit compiles one file and links one program.
configure_file(src/app/libraries.h.in ${CMAKE_BINARY_DIR}/generated/app/libraries.h @ONLY)
add_custom_target(mneme_git_id
  COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${CMAKE_SOURCE_DIR}
          -DOUTPUT=${CMAKE_BINARY_DIR}/generated/app/git_id.h -P ${CMAKE_SOURCE_DIR}/cmake/git_id.cmake
  BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/app/git_id.h)
