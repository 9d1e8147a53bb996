# Component cpp: the shared library, the headers, and what find_package and pkg-config read.
# Component python (python/CMakeLists.txt): the module alone, for the wheel.

include(CMakePackageConfigHelpers)

set(hugehist_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/hugehist")

install(TARGETS hugehist EXPORT hugehist-targets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT cpp NAMELINK_COMPONENT cpp
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT cpp
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT cpp)
install(DIRECTORY include/hugehist DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT cpp
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT hugehist-targets NAMESPACE hugehist:: DESTINATION "${hugehist_cmake_dir}" COMPONENT cpp)

configure_package_config_file(cmake/hugehist-config.cmake.in "${PROJECT_BINARY_DIR}/hugehist-config.cmake"
  INSTALL_DESTINATION "${hugehist_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/hugehist-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/hugehist-config.cmake" "${PROJECT_BINARY_DIR}/hugehist-config-version.cmake"
  DESTINATION "${hugehist_cmake_dir}" COMPONENT cpp)

# Relative to the .pc file, so that an installed tree can be moved.
file(RELATIVE_PATH hugehist_pc_prefix
  "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file(cmake/hugehist.pc.in "${PROJECT_BINARY_DIR}/hugehist.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/hugehist.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT cpp)
