//===- Module.h - The door between runtime and module -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the runtime looks up in libamprt_cuda after it has opened it. Both sides
// are of one build: the number says so.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_MODULE_H
#define AMPRT_CUDA_MODULE_H

#include "amprt/Device.h"

namespace amprt::cuda {

/// Changes with every change of the structs that cross the door.
inline constexpr int kModuleVersion = 3;

struct ModuleOptions {
  bool tf32 = false;
  bool deterministic = false;
  CudnnUse cudnn = CudnnUse::Auto;
  std::string cacheFolder;
};

/// The functions of the module, by `amprtCudaModule`.
struct Module {
  int version;
  Result<std::unique_ptr<Device>> (*open)(const ModuleOptions &options);
  /// One line per device.
  Result<std::vector<std::string>> (*list)();
};
using ModuleEntry = const Module *(*)();

} // namespace amprt::cuda

#endif // AMPRT_CUDA_MODULE_H
