//===- NullDevice.cpp - A device that computes nothing --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every step is accepted and none is run; what comes back is zero. Addresses
// are numbers that nothing may read, so a caller that touches device memory
// without asking fails at once.
//===----------------------------------------------------------------------===//

#include "NullDevice.h"

#include <cstring>

using namespace amprt;

namespace {

class NullExecutable : public Executable {
public:
  explicit NullExecutable(const Program &program) : program(program) {}
  Status run(const Bindings &, const StepHook &hook) override {
    for (uint32_t i = 0; hook && i < program.steps.size(); ++i)
      hook(i, 0);
    return okStatus();
  }

private:
  const Program &program;
};

class NullDevice : public Device {
public:
  const DeviceTraits &traits() const override { return deviceTraits; }
  bool supports(const Step &, const Program &) const override { return true; }
  void *allocate(size_t bytes) override {
    next += (bytes + kAlignment) / kAlignment * kAlignment;
    return reinterpret_cast<void *>(next);
  }
  void release(void *) override {}
  Status upload(void *, const void *, size_t) override { return okStatus(); }
  Status download(void *to, const void *, size_t bytes) override {
    if (bytes)
      std::memset(to, 0, bytes);
    return okStatus();
  }
  bool keepsData() const override { return false; }
  void *hostAddress(void *) override { return nullptr; }
  Result<std::unique_ptr<Executable>> load(const Program &program) override {
    return std::unique_ptr<Executable>(
        std::make_unique<NullExecutable>(program));
  }

private:
  DeviceTraits deviceTraits = DeviceTraits::null();
  uintptr_t next = 0;
};

} // namespace

std::unique_ptr<Device> amprt::null::openNull() {
  return std::make_unique<NullDevice>();
}
