//===- CpuDevice.cpp - The cpu device -------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Always there. Runs the steps of any program one after the other, also of
// programs planned for another device's traits; each kernel uses all threads.
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstring>

using namespace amprt;
using namespace amprt::cpu;

namespace {

class CpuExecutable : public Executable {
public:
  CpuExecutable(const Program &program, int threads)
      : program(program), threads(threads), products(program.steps.size()) {}

  Status prepare();
  Status run(const Bindings &bindings, const StepHook &hook) override;

private:
  Status runStep(uint32_t index, const StepCall &call);

  const Program &program;
  int threads;
  std::vector<std::unique_ptr<Product>> products;
  AlignedBytes scratch; ///< for products without planned scratch memory
};

class CpuDevice : public Device {
public:
  explicit CpuDevice(int threads) : threads(threads) {
    deviceTraits.multipliesBFloat16 = multipliesBFloat16();
  }
  const DeviceTraits &traits() const override { return deviceTraits; }
  bool supports(const Step &, const Program &) const override { return true; }
  void *allocate(size_t bytes) override {
    return allocateAligned(bytes).release();
  }
  void release(void *memory) override {
    AlignedBytes(static_cast<std::byte *>(memory)).reset();
  }
  Status upload(void *to, const void *from, size_t bytes) override {
    if (bytes)
      std::memcpy(to, from, bytes);
    return okStatus();
  }
  Status download(void *to, const void *from, size_t bytes) override {
    return upload(to, from, bytes);
  }
  void *hostAddress(void *memory) override { return memory; }
  Result<std::unique_ptr<Executable>> load(const Program &program) override {
    auto executable = std::make_unique<CpuExecutable>(program, threads);
    AMPRT_RETURN_IF_ERROR(executable->prepare());
    return std::unique_ptr<Executable>(std::move(executable));
  }

private:
  DeviceTraits deviceTraits = DeviceTraits::cpu();
  int threads;
};

} // namespace

Status CpuExecutable::prepare() {
  omp_set_num_threads(threads);
  size_t bytes = 0;
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step &step = program.steps[i];
    if (isConvolution(step.kernel)) {
      AMPRT_ASSIGN_OR_RETURN(products[i], makeConvolution(program, step));
      continue;
    }
    if (isAttention(step.kernel)) {
      AMPRT_ASSIGN_OR_RETURN(products[i], makeAttention(step));
      continue;
    }
    if (step.kernel != Kernel::Matmul)
      continue;
    AMPRT_ASSIGN_OR_RETURN(products[i], makeProduct(program, step));
    size_t needed = products[i]->scratchBytes();
    if (step.params.hasScratch &&
        program.buffers[step.results.back()].bytes() < needed)
      return Status(Code::Internal, "the scratch memory of step '" + step.name +
                                        "' is too small");
    if (!step.params.hasScratch)
      bytes = std::max(bytes, products[i]->scratchBytes());
  }
  if (bytes && !(scratch = allocateAligned(bytes)))
    return Status(Code::ResourceExhausted, "no memory for " +
                                               std::to_string(bytes) +
                                               " bytes of scratch memory");
  return okStatus();
}

Status CpuExecutable::runStep(uint32_t index, const StepCall &call) {
  switch (call.step.kernel) {
  case Kernel::Elementwise:
    runElementwise(call);
    break;
  case Kernel::Matmul:
    return products[index]->run(
        call, call.step.params.hasScratch
                  ? call.result(call.step.results.size() - 1)
                  : scratch.get());
  case Kernel::Reduce:
    runReduce(call);
    break;
  case Kernel::Softmax:
  case Kernel::LogSoftmax:
    runSoftmax(call);
    break;
  case Kernel::SparseLoss:
  case Kernel::DenseLoss:
    runLoss(call);
    break;
  case Kernel::SparseLossGrad:
  case Kernel::DenseLossGrad:
    runLossGrad(call);
    break;
  case Kernel::SparseLossBoth:
  case Kernel::DenseLossBoth:
    runLossBoth(call);
    break;
  case Kernel::SoftmaxGrad:
  case Kernel::LogSoftmaxGrad:
    runSoftmaxGrad(call);
    break;
  case Kernel::Attention:
  case Kernel::AttentionGrad:
  case Kernel::Conv:
  case Kernel::ConvInputGrad:
  case Kernel::ConvFilterGrad:
    return products[index]->run(call, nullptr);
  case Kernel::RowNorm:
  case Kernel::RowNormGrad:
    runRowNorm(call);
    break;
  case Kernel::Moments:
  case Kernel::ChannelGrad:
    runChannels(call);
    break;
  case Kernel::Pool:
  case Kernel::PoolGrad:
    runPool(call);
    break;
  case Kernel::ReduceGrad:
    runReduceGrad(call);
    break;
  case Kernel::Cumsum:
    runCumsum(call);
    break;
  case Kernel::Transpose:
  case Kernel::Slice:
    runTranspose(call);
    break;
  case Kernel::Pad:
    runPad(call);
    break;
  case Kernel::Concat:
    runConcat(call);
    break;
  case Kernel::Split:
    runSplit(call);
    break;
  case Kernel::Gather:
    return runGather(call);
  case Kernel::GatherGrad:
    return runGatherGrad(call);
  case Kernel::ArgMax:
    runArgMax(call);
    break;
  case Kernel::AllFinite:
    runAllFinite(call);
    break;
  case Kernel::SumSquares:
    runSumSquares(call);
    break;
  case Kernel::LossScale:
    runLossScale(call);
    break;
  case Kernel::ApplySgd:
  case Kernel::ApplyMomentum:
  case Kernel::ApplyRmsprop:
  case Kernel::ApplyAdam:
    runOptimizer(call);
    break;
  }
  return okStatus();
}

Status CpuExecutable::run(const Bindings &bindings, const StepHook &hook) {
  omp_set_num_threads(threads);
  using Clock = std::chrono::steady_clock;
  for (uint32_t i = 0; i < program.steps.size(); ++i) {
    const Step &step = program.steps[i];
    StepCall call{program, step, bindings};
    if (step.cached &&
        bindings.cacheValid[program.buffers[step.results[0]].index])
      continue;
    if (step.condition != kNoBuffer &&
        !*static_cast<const uint8_t *>(call.address(step.condition)))
      continue;
    Clock::time_point start;
    if (hook)
      start = Clock::now();
    AMPRT_RETURN_IF_ERROR(runStep(i, call));
    if (hook)
      hook(i, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return okStatus();
}

Result<std::unique_ptr<Device>> amprt::cpu::openCpu(int threads) {
  if (threads <= 0)
    threads = omp_get_num_procs();
  return std::unique_ptr<Device>(std::make_unique<CpuDevice>(threads));
}
