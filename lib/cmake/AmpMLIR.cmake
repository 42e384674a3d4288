# Finds LLVM and MLIR 22 and includes LLVM's compile flags. Another major
# version stops here with one sentence.
find_package(MLIR CONFIG HINTS /usr/lib/llvm-22)
if(NOT MLIR_FOUND)
  message(FATAL_ERROR "Amp needs MLIR 22 (Debian: libmlir-22-dev mlir-22-tools "
    "llvm-22-dev llvm-22-tools), or configure with -DAMP_BUILD_COMPILER=OFF.")
endif()
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "Amp needs MLIR 22, but ${MLIR_DIR} is version "
    "${LLVM_PACKAGE_VERSION}.")
endif()
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
set(MLIR_LINK_MLIR_DYLIB ${AMP_LINK_MLIR_DYLIB})
set(LLVM_RUNTIME_OUTPUT_INTDIR ${PROJECT_BINARY_DIR}/bin)
set(LLVM_LIBRARY_OUTPUT_INTDIR ${PROJECT_BINARY_DIR}/lib)
set(MLIR_BINARY_DIR ${PROJECT_BINARY_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include(HandleLLVMOptions)
separate_arguments(LLVM_DEFINITIONS_LIST NATIVE_COMMAND ${LLVM_DEFINITIONS})
add_definitions(${LLVM_DEFINITIONS_LIST})
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories(${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
if(AMP_LINK_MLIR_DYLIB)
  set(AMP_MLIR_LIBS MLIR LLVM)
else()
  # One dependency closure for everything; the linker drops what is unused.
  set(AMP_MLIR_LIBS MLIROptLib MLIRFuncDialect MLIRArithDialect MLIRLinalgDialect
      MLIRTensorDialect MLIRSCFDialect MLIRTosaDialect MLIRLspServerLib)
endif()
# Everything generated from .td files.
add_custom_target(amp-headers)
