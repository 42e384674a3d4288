//===- CudaDevice.h - The cuda device ---------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the module gives to the runtime.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_CUDADEVICE_H
#define AMPRT_CUDA_CUDADEVICE_H

#include "Context.h"
#include "amprt/Device.h"

namespace amprt::cuda {

/// A device on the GPU that the table's functions reach.
Result<std::unique_ptr<Device>> openCuda(std::unique_ptr<Api> api,
                                         const Settings &settings);

/// A program on that GPU, in steps and then as a graph.
Result<std::unique_ptr<Executable>> loadProgram(Context &context,
                                                const Program &program);

} // namespace amprt::cuda

#endif // AMPRT_CUDA_CUDADEVICE_H
