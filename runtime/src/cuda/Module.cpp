//===- Module.cpp - The door between runtime and module -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "Module.h"
#include "CudaDevice.h"

using namespace amprt;
using namespace amprt::cuda;

static Result<std::unique_ptr<Device>> open(const ModuleOptions &options) {
  AMPRT_ASSIGN_OR_RETURN(std::unique_ptr<Api> api, loadApi());
  Settings settings;
  settings.tf32 = options.tf32;
  settings.deterministic = options.deterministic;
  settings.cudnn = options.cudnn;
  settings.cacheFolder = options.cacheFolder;
  return openCuda(std::move(api), settings);
}

static Result<std::vector<std::string>> list() {
  AMPRT_ASSIGN_OR_RETURN(std::unique_ptr<Api> api, loadApi());
  AMPRT_ASSIGN_OR_RETURN(std::vector<DeviceInfo> devices, listDevices(*api));
  std::vector<std::string> lines;
  for (const DeviceInfo &device : devices)
    lines.push_back(describe(device));
  return lines;
}

extern "C" __attribute__((visibility("default"))) const Module *
amprtCudaModule() {
  static const Module module = {kModuleVersion, open, list};
  return &module;
}
