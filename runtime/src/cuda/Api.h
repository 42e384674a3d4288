//===- Api.h - The CUDA libraries as one table of functions -----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every call of the module goes through this table. It is filled from the
// libraries of the machine, so nothing is linked, or by a test.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_API_H
#define AMPRT_CUDA_API_H

#include "amprt/Status.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#ifdef AMPRT_HAS_CUDNN
#include <cudnn.h>
#endif
#include <nvrtc.h>

#include <functional>
#include <memory>
#include <vector>

namespace amprt::cuda {

#define AMPRT_CUDART_CALLS(F)                                                  \
  F(cudaGetDeviceCount)                                                        \
  F(cudaSetDevice)                                                             \
  F(cudaGetDeviceProperties)                                                   \
  F(cudaDeviceGetAttribute)                                                    \
  F(cudaDriverGetVersion)                                                      \
  F(cudaRuntimeGetVersion)                                                     \
  F(cudaMalloc)                                                                \
  F(cudaFree)                                                                  \
  F(cudaHostAlloc)                                                             \
  F(cudaFreeHost)                                                              \
  F(cudaMemcpyAsync)                                                           \
  F(cudaMemsetAsync)                                                           \
  F(cudaStreamCreateWithFlags)                                                 \
  F(cudaStreamDestroy)                                                         \
  F(cudaStreamSynchronize)                                                     \
  F(cudaStreamWaitEvent)                                                       \
  F(cudaStreamBeginCapture)                                                    \
  F(cudaStreamEndCapture)                                                      \
  F(cudaGraphInstantiate)                                                      \
  F(cudaGraphLaunch)                                                           \
  F(cudaGraphDestroy)                                                          \
  F(cudaGraphExecDestroy)                                                      \
  F(cudaEventCreateWithFlags)                                                  \
  F(cudaEventRecord)                                                           \
  F(cudaEventSynchronize)                                                      \
  F(cudaEventElapsedTime)                                                      \
  F(cudaEventDestroy)                                                          \
  F(cudaLibraryLoadData)                                                       \
  F(cudaLibraryUnload)                                                         \
  F(cudaLibraryGetKernel)                                                      \
  F(cudaLaunchKernel)                                                          \
  F(cudaGetLastError)                                                          \
  F(cudaGetErrorName)                                                          \
  F(cudaGetErrorString)

#define AMPRT_NVRTC_CALLS(F)                                                   \
  F(nvrtcVersion)                                                              \
  F(nvrtcCreateProgram)                                                        \
  F(nvrtcCompileProgram)                                                       \
  F(nvrtcGetProgramLogSize)                                                    \
  F(nvrtcGetProgramLog)                                                        \
  F(nvrtcGetCUBINSize)                                                         \
  F(nvrtcGetCUBIN)                                                             \
  F(nvrtcDestroyProgram)                                                       \
  F(nvrtcGetErrorString)

#define AMPRT_CUBLASLT_CALLS(F)                                                \
  F(cublasLtGetVersion)                                                        \
  F(cublasLtCreate)                                                            \
  F(cublasLtDestroy)                                                           \
  F(cublasLtGetStatusName)                                                     \
  F(cublasLtMatmulDescCreate)                                                  \
  F(cublasLtMatmulDescDestroy)                                                 \
  F(cublasLtMatmulDescSetAttribute)                                            \
  F(cublasLtMatrixLayoutCreate)                                                \
  F(cublasLtMatrixLayoutDestroy)                                               \
  F(cublasLtMatrixLayoutSetAttribute)                                          \
  F(cublasLtMatmulPreferenceCreate)                                            \
  F(cublasLtMatmulPreferenceDestroy)                                           \
  F(cublasLtMatmulPreferenceSetAttribute)                                      \
  F(cublasLtMatmulAlgoGetHeuristic)                                            \
  F(cublasLtMatmul)

// Looked up when the first convolution is prepared. The header may be missing
// where the module is built, the library where it runs.
#ifdef AMPRT_HAS_CUDNN
#define AMPRT_CUDNN_CALLS(F)                                                   \
  F(cudnnGetVersion)                                                           \
  F(cudnnCreate)                                                               \
  F(cudnnDestroy)                                                              \
  F(cudnnSetStream)                                                            \
  F(cudnnGetErrorString)                                                       \
  F(cudnnGetLastErrorString)                                                   \
  F(cudnnBackendCreateDescriptor)                                              \
  F(cudnnBackendDestroyDescriptor)                                             \
  F(cudnnBackendSetAttribute)                                                  \
  F(cudnnBackendGetAttribute)                                                  \
  F(cudnnBackendFinalize)                                                      \
  F(cudnnBackendExecute)
#else
#define AMPRT_CUDNN_CALLS(F)
#endif

struct Api {
#define F(NAME) decltype(&::NAME) NAME = nullptr;
  AMPRT_CUDART_CALLS(F)
  AMPRT_NVRTC_CALLS(F)
  AMPRT_CUBLASLT_CALLS(F)
  AMPRT_CUDNN_CALLS(F)
#undef F
  /// Finds cuDNN's functions; Unavailable says what is missing.
  std::function<Status(Api &)> findCudnn;
  /// Keeps the libraries open.
  std::vector<std::shared_ptr<void>> libraries;
};

/// Opens the libraries and looks their functions up; Unavailable names what is
/// missing.
Result<std::unique_ptr<Api>> loadApi(int major = CUDART_VERSION / 1000);

/// An error that names the call, or ok.
Status check(const Api &api, cudaError_t error, const char *call);
Status check(const Api &api, nvrtcResult error, const char *call);
Status check(const Api &api, cublasStatus_t error, const char *call);
#ifdef AMPRT_HAS_CUDNN
Status check(const Api &api, cudnnStatus_t error, const char *call);
#endif

} // namespace amprt::cuda

/// `AMPRT_CUDA(api, cudaFree, (memory))` returns from the enclosing function
/// with an error that names the call.
#define AMPRT_CUDA(API, NAME, ARGUMENTS)                                       \
  AMPRT_RETURN_IF_ERROR(                                                       \
      ::amprt::cuda::check((API), (API).NAME ARGUMENTS, #NAME))

#endif // AMPRT_CUDA_API_H
