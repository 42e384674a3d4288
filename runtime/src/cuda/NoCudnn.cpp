//===- NoCudnn.cpp - A build without cuDNN's header -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Says so where cuDNN would be used.
//===----------------------------------------------------------------------===//

#include "Cudnn.h"
#include "StepCode.h"

using namespace amprt;
using namespace amprt::cuda;

Result<std::shared_ptr<Cudnn>> amprt::cuda::openCudnn(Api &, cudaStream_t) {
  return Status(Code::NotFound, "this build has no cuDNN: its header was not "
                                "found");
}

std::string amprt::cuda::describeCudnn(const Api &) { return {}; }

MadeStep amprt::cuda::makeConvolution(const StepContext &s) {
  AMPRT_RETURN_IF_ERROR(s.context.cudnn().status());
  return std::unique_ptr<StepCode>();
}
