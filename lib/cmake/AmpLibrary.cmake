# Helpers that give every library of Amp the same include paths, warnings and
# install rules.

# amp_add_library(NAME SOURCES a.cpp … LINK lib … [DEPENDS target …]
#                 [COMPONENT Compiler])
# A static library of plain C++ (no LLVM flags). What is installed is in one of
# two parts of the package: Runtime, which also holds the leaves and needs no
# MLIR, or Compiler.
function(amp_add_library name)
  cmake_parse_arguments(ARG "" "COMPONENT" "SOURCES;LINK;PRIVATE_LINK;DEPENDS" ${ARGN})
  if(NOT ARG_COMPONENT)
    set(ARG_COMPONENT Runtime)
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  add_library(Amp::${name} ALIAS ${name})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  amp_warnings(${name})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  install(TARGETS ${name} EXPORT Amp${ARG_COMPONENT}Targets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# amp_add_compiler_library(NAME …): the same for code that uses MLIR.
function(amp_add_compiler_library name)
  amp_add_library(${name} COMPONENT Compiler ${ARGN})
  target_include_directories(${name} SYSTEM PUBLIC
    ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_link_libraries(${name} PUBLIC ${AMP_MLIR_LIBS})
  add_dependencies(${name} amp-headers)
  # MLIR's headers are most of what a file compiles: they are parsed once.
  if(NOT TARGET AmpMLIRHeaders)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/AmpMLIRHeaders.cpp CONTENT "")
    add_library(AmpMLIRHeaders OBJECT ${PROJECT_BINARY_DIR}/AmpMLIRHeaders.cpp)
    target_precompile_headers(AmpMLIRHeaders PRIVATE
      <mlir/IR/Builders.h> <mlir/IR/BuiltinOps.h> <mlir/IR/BuiltinTypes.h>
      <mlir/IR/OpImplementation.h> <mlir/IR/SymbolTable.h>
      <mlir/Interfaces/FunctionInterfaces.h>
      <mlir/Interfaces/SideEffectInterfaces.h> <mlir/Pass/Pass.h>)
    amp_warnings(AmpMLIRHeaders)
  endif()
  target_precompile_headers(${name} REUSE_FROM AmpMLIRHeaders)
endfunction()

function(amp_warnings name)
  # GCC 12 sees uninitialized members in moved variants where there are none.
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wno-unused-parameter
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  if(AMP_WARNINGS_AS_ERRORS)
    target_compile_options(${name} PRIVATE -Werror)
  endif()
endfunction()

# amp_add_test(NAME SOURCES … LINK …): a GoogleTest program in build/bin,
# listed for tools/check.
function(amp_add_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    AMP_SOURCE_DIR="${PROJECT_SOURCE_DIR}" AMP_BINARY_DIR="${PROJECT_BINARY_DIR}")
  amp_warnings(${name})
  set_property(GLOBAL APPEND PROPERTY AMP_TEST_PROGRAMS ${name})
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST)
endfunction()
