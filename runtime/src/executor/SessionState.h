//===- SessionState.h - What a Session holds --------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Memory of the device with an owner, the variables with their versions, the
// plans, and the cache of values that follow from variables.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_EXECUTOR_SESSIONSTATE_H
#define AMPRT_EXECUTOR_SESSIONSTATE_H

#include "amprt/Planner.h"
#include "amprt/Session.h"

#include <unordered_map>

namespace amprt {

/// Memory of a device; given back at the end.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory &&other) noexcept
      : device(other.device), memory(std::exchange(other.memory, nullptr)),
        size(other.size) {}
  DeviceMemory &operator=(DeviceMemory &&other) noexcept {
    std::swap(device, other.device);
    std::swap(memory, other.memory);
    std::swap(size, other.size);
    return *this;
  }
  ~DeviceMemory() {
    if (memory)
      device->release(memory);
  }
  static Result<DeviceMemory> allocate(Device &device, size_t bytes);

  void *get() const { return memory; }
  size_t bytes() const { return size; }

private:
  Device *device = nullptr;
  void *memory = nullptr;
  size_t size = 0;
};

/// Memory of the host that the device copies to; given back at the end.
class HostMemory {
public:
  HostMemory() = default;
  HostMemory(HostMemory &&other) noexcept { *this = std::move(other); }
  HostMemory &operator=(HostMemory &&other) noexcept {
    std::swap(device, other.device);
    std::swap(memory, other.memory);
    std::swap(size, other.size);
    return *this;
  }
  ~HostMemory() {
    if (memory)
      device->releaseHost(memory);
  }
  static Result<HostMemory> allocate(Device &device, size_t bytes);

  std::byte *get() const { return memory; }
  size_t bytes() const { return size; }

private:
  Device *device = nullptr;
  std::byte *memory = nullptr;
  size_t size = 0;
};

/// One function, planned for one set of sizes.
struct Plan {
  std::unique_ptr<Program> program;
  std::unique_ptr<Executable> executable; ///< made at the first run
  std::vector<DeviceMemory> constants;
  /// Inputs and outputs, where the device cannot use the host's memory.
  std::vector<DeviceMemory> io;
};

struct VariableState {
  DType dtype;
  Dims dims;
  DeviceMemory memory;
  uint64_t version = 0;
};

struct CachedValue {
  DeviceMemory memory;
  /// Of the variables when it was computed; empty before.
  std::vector<uint64_t> versions;
};

/// A call that has been started.
struct Call {
  Plan *plan = nullptr;
  CallResult result;
  /// Where the device cannot use the host's memory: what it brings back, and
  /// where in it.
  HostMemory staging;
  std::vector<size_t> outputsAt;
  size_t scaleAt = 0, finiteAt = 0;
  bool hasScale = false, hasFinite = false;
};

struct Session::Impl {
  amp::graphfile::CheckedFile file;
  SessionOptions options;
  std::unique_ptr<Device> device;
  DeviceTraits traits;
  std::vector<VariableState> variables;
  /// How often each function has run.
  std::vector<uint64_t> calls;
  std::unordered_map<std::string, uint32_t> variableIndex;
  std::unordered_map<std::string, Plan> plans;
  std::unordered_map<std::string, CachedValue> cache;
  DeviceMemory arena;
  StepObserver observer;
  WeightsReader weights;
  std::vector<Call> pending;
  std::vector<HostMemory> freeStaging;

  ~Impl() {
    // What still runs reads what is about to be given back.
    if (device)
      (void)device->finish();
  }
  Result<size_t> functionIndex(std::string_view name) const;
  Result<Plan *> plan(size_t function, const SizeBindings &sizes);
  Status makeReady(Plan &plan);
  Result<uint32_t> findVariable(std::string_view name) const;
  Status initialise();
  Status upload(uint32_t variable, const Tensor &value);
  Result<Bindings> bind(const Plan &plan);
  std::vector<uint64_t> versionsOf(const Program::CacheEntry &entry) const;
  Result<float> readScale(const Program &program) const;
  Result<bool> readFinite(const Program &program) const;

  Status start(size_t function, const std::vector<NamedTensor> &inputs,
               Call &call);
  Result<void *> ioMemory(Plan &plan, size_t number, size_t bytes);
  Result<HostMemory> staging(size_t bytes);
  void *reportAddress(const Program &program, const Bindings &bindings,
                      uint32_t buffer) const;
  Status stage(const Program &program, const Bindings &bindings, Call &call);
  Status bringBack(const Program &program, const Bindings &bindings,
                   Call &call);
  CallResult finishCall(Call &call);
};

/// Numbers of the named sizes that the inputs give; every input must be there
/// once, with its dtype and sizes.
Result<SizeBindings> bindInputs(const amp::graphfile::Function &function,
                                const std::vector<NamedTensor> &inputs,
                                std::vector<const Tensor *> &ordered);

/// Opens the weights file of a graph file in `folder`; an empty function when
/// the file names none.
Result<WeightsReader> openWeights(const amp::graphfile::GraphFile &file,
                                  const std::string &folder);

} // namespace amprt

#endif // AMPRT_EXECUTOR_SESSIONSTATE_H
