//===- Cudnn.cpp - cuDNN's graph interface --------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Opens the library for the first convolution: a program without any needs
// neither it nor the time that it takes.
//===----------------------------------------------------------------------===//

#include "Cudnn.h"

using namespace amprt;
using namespace amprt::cuda;

/// The library does not fit this machine: its driver, its other libraries.
static bool doesNotFit(cudnnStatus_t status) {
  return CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED ||
         (status >= CUDNN_STATUS_NOT_INITIALIZED &&
          status < CUDNN_STATUS_BAD_PARAM);
}

Result<std::shared_ptr<Cudnn>> amprt::cuda::openCudnn(Api &api,
                                                      cudaStream_t stream) {
  if (!api.findCudnn)
    return Status(Code::NotFound, "there is no cuDNN");
  AMPRT_RETURN_IF_ERROR(api.findCudnn(api));
  cudnnHandle_t made = nullptr;
  const cudnnStatus_t status = api.cudnnCreate(&made);
  if (doesNotFit(status))
    return Status(Code::NotFound,
                  "cuDNN " + std::to_string(api.cudnnGetVersion()) +
                      " does not work on this machine: " +
                      check(api, status, "cudnnCreate").message());
  AMPRT_RETURN_IF_ERROR(check(api, status, "cudnnCreate"));
  Owned<cudnnHandle_t> handle(api, made, [](const Api &api, cudnnHandle_t h) {
    (void)api.cudnnDestroy(h);
  });
  AMPRT_CUDA(api, cudnnSetStream, (made, stream));
  return std::make_shared<Cudnn>(api, std::move(handle));
}

std::string amprt::cuda::describeCudnn(const Api &api) {
  return "cuDNN " + std::to_string(api.cudnnGetVersion());
}

Result<Descriptor>
amprt::cuda::makeDescriptor(const Api &api, cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t made = nullptr;
  AMPRT_CUDA(api, cudnnBackendCreateDescriptor, (type, &made));
  return Descriptor(api, made,
                    [](const Api &api, cudnnBackendDescriptor_t d) {
                      (void)api.cudnnBackendDestroyDescriptor(d);
                    });
}

Result<std::vector<Descriptor>>
amprt::cuda::getDescriptors(const Api &api, const Descriptor &of,
                            cudnnBackendAttributeName_t name,
                            cudnnBackendDescriptorType_t type, size_t most) {
  // cuDNN fills descriptors that are there.
  std::vector<Descriptor> owned;
  std::vector<cudnnBackendDescriptor_t> plain;
  for (size_t i = 0; i < most; ++i) {
    AMPRT_ASSIGN_OR_RETURN(Descriptor one, makeDescriptor(api, type));
    plain.push_back(one.get());
    owned.push_back(std::move(one));
  }
  int64_t count = 0;
  AMPRT_CUDA(api, cudnnBackendGetAttribute,
             (of.get(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, int64_t(most),
              &count, plain.data()));
  owned.resize(std::min(most, size_t(count)));
  return owned;
}
