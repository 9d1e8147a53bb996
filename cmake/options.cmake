# How our own code is compiled: language level, warnings, sanitizers, build type, ccache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

if(hugehist_top_level AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  endif()
endif()

add_library(hugehist_options INTERFACE)
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(hugehist_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow)
  # Fused multiply-adds round once where Boost.Histogram rounds twice: variances would depend on the machine.
  target_compile_options(hugehist_options INTERFACE -ffp-contract=off)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # A false alarm on "text" + std::string (GCC bug 105651, mended in 13).
  target_compile_options(hugehist_options INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(hugehist_options INTERFACE -Wthread-safety)
endif()
if(HUGEHIST_WERROR)
  target_compile_options(hugehist_options INTERFACE -Werror)
endif()
if(HUGEHIST_SANITIZE)
  # Everything that is linked must carry the same sanitizer, so these are global.
  # GCC warns of uninitialised memory in its own library once that is instrumented.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  add_compile_options(-fsanitize=${HUGEHIST_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HUGEHIST_SANITIZE})
endif()
