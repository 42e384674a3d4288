//===- CudaDevice.cpp - The cuda device -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Memory and copies. Everything runs in one stream, so what is copied in is
// there before the steps that read it.
//===----------------------------------------------------------------------===//

#include "CudaDevice.h"
#include "StepCode.h"

#include <cstring>
#include <unordered_map>

using namespace amprt;
using namespace amprt::cuda;

namespace {

class CudaDevice : public Device {
public:
  explicit CudaDevice(std::unique_ptr<Context> context)
      : context(std::move(context)), deviceTraits(traitsOf(*this->context)) {}

  const DeviceTraits &traits() const override { return deviceTraits; }
  bool supports(const Step &step, const Program &program) const override {
    return hasCode(step, program);
  }
  void *allocate(size_t bytes) override;
  void release(void *memory) override { held.erase(memory); }
  Status upload(void *to, const void *from, size_t bytes) override {
    return copy(to, from, bytes, cudaMemcpyHostToDevice);
  }
  Status download(void *to, const void *from, size_t bytes) override {
    return copy(to, from, bytes, cudaMemcpyDeviceToHost);
  }
  Status uploadInTurn(void *to, const void *from, size_t bytes) override;
  Status downloadInTurn(void *to, const void *from, size_t bytes) override;
  Status finish() override;
  size_t runsAhead() const override { return 32; }
  void *allocateHost(size_t bytes) override;
  void releaseHost(void *memory) override { pinned.erase(memory); }
  void *hostAddress(void *) override { return nullptr; }
  std::vector<std::string> takeNotes() override {
    return context->takeNotes();
  }
  Result<std::unique_ptr<Executable>> load(const Program &program) override {
    return loadProgram(*context, program);
  }

private:
  static DeviceTraits traitsOf(const Context &context) {
    const DeviceInfo &info = context.info();
    DeviceTraits traits =
        DeviceTraits::gpu(info.name, info.major, info.minor);
    traits.tf32 = context.settings().tf32;
    return traits;
  }
  Status copy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind);

  std::unique_ptr<Context> context;
  DeviceTraits deviceTraits;
  std::unordered_map<void *, Memory> held, pinned;

  /// What is copied to the device while it still computes: from pinned memory,
  /// in a stream of its own, to memory beside the input's; behind the runs
  /// before it is moved into place.
  struct Slot {
    Memory host, device;
    size_t bytes = 0;
    Event arrived, taken;
    bool used = false;
  };
  static constexpr size_t kSlots = 4;
  std::vector<Slot> slots;
  size_t nextSlot = 0;
  Stream copies;
};

} // namespace

void *CudaDevice::allocate(size_t bytes) {
  Result<Memory> memory = allocateDevice(context->api(), bytes);
  if (!memory.ok())
    return nullptr;
  void *address = memory->get();
  held.emplace(address, *std::move(memory));
  return address;
}

Status CudaDevice::copy(void *to, const void *from, size_t bytes,
                        cudaMemcpyKind kind) {
  if (!bytes)
    return okStatus();
  const Api &api = context->api();
  AMPRT_CUDA(api, cudaMemcpyAsync, (to, from, bytes, kind, context->stream()));
  // The caller's memory is its own again when this returns.
  AMPRT_CUDA(api, cudaStreamSynchronize, (context->stream()));
  return okStatus();
}

void *CudaDevice::allocateHost(size_t bytes) {
  Result<Memory> memory = allocatePinned(context->api(), bytes);
  if (!memory.ok())
    return nullptr;
  void *address = memory->get();
  pinned.emplace(address, *std::move(memory));
  return address;
}

Status CudaDevice::uploadInTurn(void *to, const void *from, size_t bytes) {
  if (!bytes)
    return okStatus();
  const Api &api = context->api();
  if (!copies) {
    AMPRT_ASSIGN_OR_RETURN(copies, makeStream(api));
    slots.resize(kSlots);
  }
  Slot &slot = slots[nextSlot++ % kSlots];
  if (!slot.arrived) {
    AMPRT_ASSIGN_OR_RETURN(slot.arrived, makeEvent(api));
    AMPRT_ASSIGN_OR_RETURN(slot.taken, makeEvent(api));
  }
  // The copy out of the host's half is over, and the device's half was taken.
  if (slot.used)
    AMPRT_CUDA(api, cudaEventSynchronize, (slot.taken.get()));
  slot.used = false;
  if (slot.bytes < bytes) {
    slot.bytes = 0;
    AMPRT_ASSIGN_OR_RETURN(slot.host, allocatePinned(api, bytes));
    AMPRT_ASSIGN_OR_RETURN(slot.device, allocateDevice(api, bytes));
    slot.bytes = bytes;
  }
  std::memcpy(slot.host.get(), from, bytes);
  AMPRT_CUDA(api, cudaMemcpyAsync,
             (slot.device.get(), slot.host.get(), bytes, cudaMemcpyHostToDevice,
              copies.get()));
  AMPRT_CUDA(api, cudaEventRecord, (slot.arrived.get(), copies.get()));
  slot.used = true;
  AMPRT_CUDA(api, cudaStreamWaitEvent,
             (context->stream(), slot.arrived.get(), 0));
  AMPRT_CUDA(api, cudaMemcpyAsync,
             (to, slot.device.get(), bytes, cudaMemcpyDeviceToDevice,
              context->stream()));
  AMPRT_CUDA(api, cudaEventRecord, (slot.taken.get(), context->stream()));
  return okStatus();
}

Status CudaDevice::downloadInTurn(void *to, const void *from, size_t bytes) {
  if (bytes)
    AMPRT_CUDA(context->api(), cudaMemcpyAsync,
               (to, from, bytes, cudaMemcpyDeviceToHost, context->stream()));
  return okStatus();
}

Status CudaDevice::finish() {
  AMPRT_CUDA(context->api(), cudaStreamSynchronize, (context->stream()));
  return okStatus();
}

Result<std::unique_ptr<Device>>
amprt::cuda::openCuda(std::unique_ptr<Api> api, const Settings &settings) {
  AMPRT_ASSIGN_OR_RETURN(std::unique_ptr<Context> context,
                         Context::open(std::move(api), settings));
  return std::unique_ptr<Device>(
      std::make_unique<CudaDevice>(std::move(context)));
}
