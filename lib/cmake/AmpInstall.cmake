# What `cmake --install` lays down beside the libraries and programs: headers, the
# policies, the JSON Schema, the examples, and the package that find_package(Amp)
# of another project reads.
include(CMakePackageConfigHelpers)

set(amp_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Amp)
set(amp_data_dir ${CMAKE_INSTALL_DATADIR}/amp)

# The leaves' headers; with the compiler all others, and what TableGen made.
set(amp_headers OpSet GraphFile Policy)
if(AMP_BUILD_COMPILER)
  set(amp_headers ".")
  install(DIRECTORY ${PROJECT_BINARY_DIR}/include/amp
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.inc")
endif()
foreach(folder IN LISTS amp_headers)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/amp/${folder}/
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/amp/${folder}
          FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
endforeach()
if(AMP_BUILD_RUNTIME)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/include/amprt
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
endif()

# The presets are inside the programs too; as files they are there to be read and
# to be extended. The examples name the schema by its place beside their folder.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/lib/Policy/Lists/
        DESTINATION ${amp_data_dir}/policies FILES_MATCHING PATTERN "*.json")
install(FILES ${PROJECT_SOURCE_DIR}/docs/amp-graph.schema.json
        DESTINATION ${amp_data_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/examples DESTINATION ${amp_data_dir}
        PATTERN "*.md" EXCLUDE PATTERN "build*" EXCLUDE)

install(EXPORT AmpRuntimeTargets NAMESPACE Amp:: DESTINATION ${amp_cmake_dir})
if(AMP_BUILD_COMPILER)
  install(EXPORT AmpCompilerTargets NAMESPACE Amp:: DESTINATION ${amp_cmake_dir})
endif()
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/lib/cmake/AmpConfig.cmake.in
  ${PROJECT_BINARY_DIR}/AmpConfig.cmake INSTALL_DESTINATION ${amp_cmake_dir}
  PATH_VARS amp_data_dir)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/AmpConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/AmpConfig.cmake
              ${PROJECT_BINARY_DIR}/AmpConfigVersion.cmake
        DESTINATION ${amp_cmake_dir})
