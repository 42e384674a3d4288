//===- OpenDevice.cpp - Devices by name -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The devices that this build holds.
//===----------------------------------------------------------------------===//

#include "../cpu/Kernels.h"
#include "../null/NullDevice.h"

using namespace amprt;

Result<std::unique_ptr<Device>> amprt::openDevice(std::string_view name,
                                                  int threads) {
  if (name == "cpu")
    return cpu::openCpu(threads);
  if (name == "null")
    return null::openNull();
  if (name == "cuda")
    return Status(Code::Unavailable,
                  "this build has no device 'cuda'; use --device=cpu");
  return Status(Code::InvalidArgument, "unknown device '" + std::string(name) +
                                           "': it is cpu or null");
}
