//===- NullDevice.h - A device that computes nothing ------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// For tests of planning, and the skeleton of a new backend.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_NULL_NULLDEVICE_H
#define AMPRT_NULL_NULLDEVICE_H

#include "amprt/Device.h"

namespace amprt::null {

std::unique_ptr<Device> openNull();

} // namespace amprt::null

#endif // AMPRT_NULL_NULLDEVICE_H
