# hugehist_dependencies: what the core needs and no user ever sees.
# hugehist_boost: Boost's headers, which <hugehist/boost.hpp> shows to users.

set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 1.10 REQUIRED COMPONENTS C)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)

find_path(ZSTD_INCLUDE_DIR zstd.h)
find_library(ZSTD_LIBRARY NAMES zstd)
mark_as_advanced(ZSTD_INCLUDE_DIR ZSTD_LIBRARY)
if(NOT ZSTD_INCLUDE_DIR OR NOT ZSTD_LIBRARY)
  message(FATAL_ERROR "zstd was not found: install its development files (libzstd-dev on Debian)")
endif()
if(HDF5_IS_PARALLEL)
  message(FATAL_ERROR "hugehist needs a serial HDF5, and found a parallel one: set HDF5_ROOT")
endif()

# HDF5's own dependencies are needed to link a static HDF5 only; a shared one brings them.
set(hugehist_hdf5_libraries ${HDF5_C_LIBRARIES})
if(HDF5_C_LIBRARIES MATCHES "hdf5[^;]*\\.(so|dylib)")
  list(FILTER hugehist_hdf5_libraries INCLUDE REGEX "libhdf5|hdf5::")
endif()

add_library(hugehist_dependencies INTERFACE)
target_include_directories(hugehist_dependencies SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS} "${ZSTD_INCLUDE_DIR}")
target_compile_definitions(hugehist_dependencies INTERFACE ${HDF5_C_DEFINITIONS})
target_link_libraries(hugehist_dependencies INTERFACE
  ${hugehist_hdf5_libraries} "${ZSTD_LIBRARY}" ZLIB::ZLIB Threads::Threads)

add_library(hugehist_boost INTERFACE)
target_link_libraries(hugehist_boost INTERFACE Boost::headers)
