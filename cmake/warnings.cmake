# The warnings every source of the project is compiled with (third-party headers are SYSTEM).
add_library(mneme_warnings INTERFACE)
target_compile_options(mneme_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wdouble-promotion -Wformat=2 -Wundef
  $<$<CXX_COMPILER_ID:GNU>:-Wsuggest-override;-Wduplicated-cond;-Wduplicated-branches;-Wlogical-op;-Wno-restrict>
  $<$<CXX_COMPILER_ID:Clang>:-Winconsistent-missing-override>
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>
  $<$<BOOL:${MNEME_WERROR}>:-Werror>)
# In a unity build every source is an included file, where g++ takes a type of an unnamed namespace for a header's.
# -Wrestrict of g++ 12 misfires inside std::string (GCC bug 105651); -Wnull-dereference misfires on
# what the sanitizers insert, and stays on elsewhere.
if(MNEME_SANITIZE)
  string(REPLACE "," ";" sanitizers "${MNEME_SANITIZE}")
  foreach(sanitizer ${sanitizers})
    add_compile_options(-fsanitize=${sanitizer})
    add_link_options(-fsanitize=${sanitizer})
  endforeach()
  add_compile_options(-fno-omit-frame-pointer)
  target_compile_options(mneme_warnings INTERFACE -Wno-null-dereference)
  # Vector code once, for AVX2, not once per instruction set: a sanitizer's code for it takes minutes to compile.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    add_compile_options(-march=haswell -maes)
  endif()
  add_compile_definitions(HWY_COMPILE_ONLY_STATIC)
endif()
# errno and floating-point traps are not used; nothing else of IEEE arithmetic is given up.
add_compile_options(-fno-math-errno -fno-trapping-math -ffp-contract=off)
