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
if(AMP_BUILD_COMPILER)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/amp-c
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
endif()
if(AMP_BUILD_RUNTIME)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/include/amprt
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
endif()

# The presets are inside the programs too; as files they are there to be read and
# to be extended. The examples name the schema by its place beside their folder.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/lib/Policy/Lists/
        DESTINATION ${amp_data_dir}/policies FILES_MATCHING PATTERN "*.json")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/lib/Policy/Models/
        DESTINATION ${amp_data_dir}/op-models FILES_MATCHING PATTERN "*.json")
install(FILES ${PROJECT_SOURCE_DIR}/docs/amp-graph.schema.json
              ${PROJECT_SOURCE_DIR}/docs/amp-op-models.schema.json
        DESTINATION ${amp_data_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/examples DESTINATION ${amp_data_dir}
        PATTERN "*.md" EXCLUDE PATTERN "build*" EXCLUDE)

# For who does not use CMake: the C API.
if(TARGET amp-c)
  # Libraries may lie deeper than lib, as in lib/x86_64-linux-gnu.
  file(RELATIVE_PATH amp_pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  configure_file(${PROJECT_SOURCE_DIR}/lib/cmake/amp-c.pc.in
                 ${PROJECT_BINARY_DIR}/amp-c.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/amp-c.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
# A manual page for each program that people start, from its own --help.
find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND AND NOT CMAKE_CROSSCOMPILING)
  foreach(program amp-opt amp-run)
    if(TARGET ${program})
      set(page ${PROJECT_BINARY_DIR}/man/${program}.1)
      add_custom_command(OUTPUT ${page}
        COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/lib/cmake/make_man.py
                $<TARGET_FILE:${program}> ${PROJECT_VERSION} ${page}
        DEPENDS ${program} ${PROJECT_SOURCE_DIR}/lib/cmake/make_man.py
        COMMENT "Writing the manual page of ${program}" VERBATIM)
      add_custom_target(${program}-man ALL DEPENDS ${page})
      install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    endif()
  endforeach()
endif()

install(EXPORT AmpRuntimeTargets NAMESPACE Amp:: DESTINATION ${amp_cmake_dir})
if(AMP_BUILD_COMPILER)
  install(EXPORT AmpCompilerTargets NAMESPACE Amp:: DESTINATION ${amp_cmake_dir})
endif()
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/lib/cmake/AmpConfig.cmake.in
  ${PROJECT_BINARY_DIR}/AmpConfig.cmake INSTALL_DESTINATION ${amp_cmake_dir}
  PATH_VARS amp_data_dir CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/AmpConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/AmpConfig.cmake
              ${PROJECT_BINARY_DIR}/AmpConfigVersion.cmake
        DESTINATION ${amp_cmake_dir})
