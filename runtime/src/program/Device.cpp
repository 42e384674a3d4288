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

#include <cctype>

using namespace amprt;

DeviceTraits DeviceTraits::cpu() {
  DeviceTraits traits;
  traits.name = "cpu";
  traits.vectorProducts = true;
  traits.cutsSums = true;
  return traits;
}

namespace {

struct KnownGpu {
  const char *name;   ///< as a flag says it
  const char *inName; ///< as the driver says it
  int major, minor;
  DeviceRates rates;
};

/// Of an H200 what was measured; of the others nine tenths of what the vendor
/// publishes for dense operands.
constexpr KnownGpu kKnownGpus[] = {
    {"h200", "H200", 9, 0, {788e12, 394e12, 60e12, 60e12, 4.3e12}},
    {"h100", "H100", 9, 0, {788e12, 394e12, 60e12, 60e12, 3.0e12}},
    {"a100", "A100", 8, 0, {280e12, 140e12, 17.5e12, 17.5e12, 1.4e12}},
    {"l4", "L4", 8, 9, {109e12, 54e12, 27e12, 0.42e12, 0.27e12}},
    {"t4", "T4", 7, 5, {58e12, 7.3e12, 7.3e12, 0.23e12, 0.29e12}},
    {"v100", "V100", 7, 0, {112e12, 14e12, 14e12, 7e12, 0.81e12}},
};

/// Whether the driver's name of a GPU is that of a model, and of no other one
/// that begins alike: an L40 is no L4.
bool isModel(std::string_view name, std::string_view model) {
  const size_t at = name.find(model), end = at + model.size();
  return at != std::string_view::npos &&
         (end == name.size() ||
          !std::isalnum(static_cast<unsigned char>(name[end])));
}

} // namespace

DeviceTraits DeviceTraits::gpu(std::string_view name, int major, int minor) {
  DeviceTraits traits;
  traits.name = name;
  // 16-byte rows: what the tensor cores' fast kernels need.
  traits.padProducts = 8;
  traits.stores16 = true;
  traits.gradientEpilogues = true;
  traits.multipliesFloat16 = true;
  traits.convolutionLibrary = true;
  traits.attentionRowBytes = 256; // what its kernel has shared memory for
  traits.multipliesBFloat16 = traits.hasBFloat16 = major >= 8;
  for (const KnownGpu &known : kKnownGpus)
    if (name == known.name || isModel(name, known.inName))
      traits.rates = known.rates;
  return traits;
}

DeviceTraits DeviceTraits::h200() { return gpu("h200", 9, 0); }

DeviceTraits DeviceTraits::null() {
  DeviceTraits traits;
  traits.name = "null";
  return traits;
}

std::optional<DeviceTraits> DeviceTraits::find(std::string_view name) {
  if (name == "cpu")
    return cpu();
  for (const KnownGpu &known : kKnownGpus)
    if (name == known.name)
      return gpu(known.name, known.major, known.minor);
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
