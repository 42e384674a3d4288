//===- Api.cpp - Errors of the CUDA libraries as sentences ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Each names the call that failed and what the library says of it.
//===----------------------------------------------------------------------===//

#include "Api.h"

using namespace amprt;
using namespace amprt::cuda;

static Status failed(Code code, const char *call, const std::string &why) {
  return Status(code, std::string(call) + " failed: " + why);
}

Status amprt::cuda::check(const Api &api, cudaError_t error, const char *call) {
  if (error == cudaSuccess)
    return okStatus();
  // The runtime keeps the error for the next call unless it is taken.
  (void)api.cudaGetLastError();
  std::string why = api.cudaGetErrorString(error);
  why += " (" + std::string(api.cudaGetErrorName(error)) + ")";
  return failed(error == cudaErrorMemoryAllocation ? Code::ResourceExhausted
                                                   : Code::Unavailable,
                call, why);
}

Status amprt::cuda::check(const Api &api, nvrtcResult error, const char *call) {
  if (error == NVRTC_SUCCESS)
    return okStatus();
  return failed(Code::Unavailable, call, api.nvrtcGetErrorString(error));
}

Status amprt::cuda::check(const Api &api, cublasStatus_t error,
                          const char *call) {
  if (error == CUBLAS_STATUS_SUCCESS)
    return okStatus();
  return failed(error == CUBLAS_STATUS_ALLOC_FAILED ? Code::ResourceExhausted
                                                    : Code::Unavailable,
                call, api.cublasLtGetStatusName(error));
}

#ifdef AMPRT_HAS_CUDNN
Status amprt::cuda::check(const Api &api, cudnnStatus_t error,
                          const char *call) {
  if (error == CUDNN_STATUS_SUCCESS)
    return okStatus();
  std::string why = api.cudnnGetErrorString(error);
  char detail[512] = "";
  api.cudnnGetLastErrorString(detail, sizeof detail);
  if (*detail)
    why += " (" + std::string(detail) + ")";
  const bool isMemory =
      error == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
      error == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  return failed(isMemory ? Code::ResourceExhausted : Code::Unavailable, call,
                why);
}
#endif
