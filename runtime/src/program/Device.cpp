//===- Device.cpp - What the planner knows of devices ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The devices that programs can be planned for, also where they are absent, and
// where the buffers of a call lie.
//===----------------------------------------------------------------------===//

#include "amprt/Device.h"

using namespace amprt;

DeviceTraits DeviceTraits::cpu() {
  DeviceTraits traits;
  traits.name = "cpu";
  traits.vectorProducts = true;
  traits.cutsSums = true;
  return traits;
}

DeviceTraits DeviceTraits::h200() {
  DeviceTraits traits;
  traits.name = "h200";
  // 16-byte rows: what the tensor cores' fast kernels need.
  traits.padProducts = 8;
  traits.stores16 = true;
  traits.multipliesFloat16 = true;
  traits.multipliesBFloat16 = true;
  return traits;
}

DeviceTraits DeviceTraits::null() {
  DeviceTraits traits;
  traits.name = "null";
  return traits;
}

std::optional<DeviceTraits> DeviceTraits::find(std::string_view name) {
  if (name == "cpu")
    return cpu();
  if (name == "h200")
    return h200();
  if (name == "null")
    return null();
  return std::nullopt;
}

void *amprt::addressOf(const Bindings &bindings, const Program &program,
                       uint32_t index) {
  const Buffer &buffer = program.buffers[index];
  switch (buffer.space) {
  case Space::Arena:
    return static_cast<std::byte *>(bindings.arena) + buffer.offset;
  case Space::Input:
    return bindings.inputs[buffer.index];
  case Space::Output:
    return bindings.outputs[buffer.index];
  case Space::Variable:
    return bindings.variables[buffer.index];
  case Space::Constant:
    return bindings.constants[buffer.index];
  case Space::Cache:
    return bindings.cache[buffer.index];
  }
  return nullptr;
}
