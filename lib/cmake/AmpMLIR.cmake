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
# AmpMLIRStatic: the static archives of MLIR and of the parts of LLVM below it.
# The imported targets of a distribution name libLLVM.so as what they need, which
# would be a second copy of LLVM beside the archives; so the closure is walked
# here, over files.
function(amp_static_mlir roots)
  set(todo ${roots} MLIRSupport)
  set(seen)
  set(files)
  while(todo)
    list(POP_FRONT todo target)
    if(target IN_LIST seen OR NOT TARGET ${target} OR
       NOT target MATCHES "^(MLIR|LLVM).")
      continue()
    endif()
    list(APPEND seen ${target})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "SHARED_LIBRARY")
      continue()
    endif()
    if(type STREQUAL "STATIC_LIBRARY")
      get_target_property(file ${target} LOCATION)
      if(NOT EXISTS "${file}")
        return()
      endif()
      list(APPEND files ${file})
    endif()
    get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
    if(libraries)
      list(APPEND todo ${libraries})
    endif()
  endwhile()
  find_package(Threads REQUIRED)
  add_library(AmpMLIRStatic INTERFACE)
  # A group, since archives of MLIR use each other both ways. Compression of
  # object files is the only thing of LLVM that needs more libraries than these,
  # and nothing here reaches it.
  list(JOIN files "," files)
  target_link_libraries(AmpMLIRStatic INTERFACE
    "$<LINK_GROUP:RESCAN,${files}>" Threads::Threads ${CMAKE_DL_LIBS} rt m)
  target_link_options(AmpMLIRStatic INTERFACE
    "$<$<PLATFORM_ID:Linux>:LINKER:--gc-sections>")
endfunction()
if(AMP_STATIC_OPT OR NOT AMP_LINK_MLIR_DYLIB)
  # The linker takes from the archives what is used, and drops the rest.
  amp_static_mlir("MLIROptLib;MLIRTranslateLib;MLIRLspServerLib;MLIRTransforms;\
MLIRArithDialect;MLIRFuncDialect;MLIRLinalgDialect;MLIRMathDialect;\
MLIRMLProgramDialect;MLIRSCFDialect;MLIRTensorDialect;MLIRTosaDialect;LLVMSupport;\
LLVMSupportLSP;LLVMRemarks;LLVMCore;LLVMBinaryFormat;LLVMTargetParser")
endif()
if(NOT AMP_LINK_MLIR_DYLIB)
  if(NOT TARGET AmpMLIRStatic)
    message(FATAL_ERROR "AMP_LINK_MLIR_DYLIB=OFF needs MLIR's static archives.")
  endif()
  # Archives of another machine are not to be had: who uses an installed Amp
  # links the shared library.
  set(AMP_MLIR_LIBS "$<BUILD_INTERFACE:AmpMLIRStatic>"
      "$<INSTALL_INTERFACE:MLIR>" "$<INSTALL_INTERFACE:LLVM>")
elseif(NOT TARGET AmpMLIRStatic)
  set(AMP_MLIR_LIBS MLIR LLVM)
else()
  # Our libraries carry no choice: a program with the property AMP_STATIC_MLIR
  # gets the archives, any other the shared library. Never both in one process.
  set(amp_static "$<BOOL:$<TARGET_PROPERTY:AMP_STATIC_MLIR>>")
  set(AMP_MLIR_LIBS "$<BUILD_INTERFACE:$<${amp_static}:AmpMLIRStatic>>"
      "$<$<NOT:${amp_static}>:MLIR>" "$<$<NOT:${amp_static}>:LLVM>")
endif()
# Everything generated from .td files.
add_custom_target(amp-headers)
