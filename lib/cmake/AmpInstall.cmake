# What `cmake --install` lays down beside the libraries and programs: headers, the
# example graphs, and the package that `find_package(Amp)` of another project reads.
include(CMakePackageConfigHelpers)

set(amp_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Amp)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/amp ${PROJECT_BINARY_DIR}/include/amp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc")
if(AMP_BUILD_RUNTIME)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/include/amprt
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/examples DESTINATION ${CMAKE_INSTALL_DATADIR}/amp)

install(EXPORT AmpTargets NAMESPACE Amp:: DESTINATION ${amp_cmake_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/lib/cmake/AmpConfig.cmake.in
  ${PROJECT_BINARY_DIR}/AmpConfig.cmake INSTALL_DESTINATION ${amp_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/AmpConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/AmpConfig.cmake
              ${PROJECT_BINARY_DIR}/AmpConfigVersion.cmake
        DESTINATION ${amp_cmake_dir})
