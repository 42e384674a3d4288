//===- Fused.cpp - Element-wise steps, optimizers and finite checks -------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Steps whose kernels are printed from their expressions.
//===----------------------------------------------------------------------===//

#include "Source.h"
#include "StepCode.h"

using namespace amprt;
using namespace amprt::cuda;
namespace k = amprt_kernels;

namespace {

class Elementwise : public StepCode {
public:
  explicit Elementwise(const StepContext &s)
      : context(s.context), count(elementCount(s.result(0).dims)),
        width(vectorWidth(s.program, s.step)) {
    const StepParams &p = s.step.params;
    args = {};
    args.count = count;
    args.rank = int(p.loops.size());
    for (size_t i = 0; i < p.loops.size(); ++i) {
      args.size[i] = p.loops[i];
      for (size_t j = 0; j < p.strides.size(); ++j)
        args.stride[j][i] = p.strides[j][i];
    }
  }
  Status prepare(const StepContext &s) {
    AMPRT_ASSIGN_OR_RETURN(
        kernel, context.compiled(elementwiseSource(s.program, s.step),
                                 kFusedKernel));
    return okStatus();
  }
  Status enqueue(const StepCall &call) override {
    if (count == 0)
      return okStatus();
    for (size_t i = 0; i < call.step.operands.size(); ++i)
      args.operand[i] = call.operand(i);
    args.result = call.result(0);
    args.aligned = isAligned(args.result);
    for (size_t i = 0; i < call.step.operands.size(); ++i)
      // A scalar is read by itself.
      args.aligned &= call.step.params.strides[i] == Dims{0} ||
                      isAligned(args.operand[i]);
    args.condition = call.condition();
    args.state = reinterpret_cast<const k::u64 *>(call.state);
    return launch(context, kernel,
                  launchFlat(context, (count + width - 1) / width), call.stream,
                  args);
  }

private:
  static bool isAligned(const void *memory) {
    return reinterpret_cast<uintptr_t>(memory) % 16 == 0;
  }

  Context &context;
  cudaKernel_t kernel = nullptr;
  k::ElementwiseArgs args;
  int64_t count;
  int width; ///< elements that a thread takes at a time
};

class Update : public StepCode {
public:
  explicit Update(const StepContext &s) : context(s.context) {}
  Status prepare(const StepContext &s);
  Status bind(const StepCall &call) override;
  Status enqueue(const StepCall &call) override;
  size_t scratchBytes() const override {
    return sums ? size_t(args.chunks) * sizeof(double) : 0;
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr, sums = nullptr;
  UpdateSource source;
  std::vector<k::UpdatePart> parts;
  Memory table;
  k::UpdateArgs args = {};
};

} // namespace

MadeStep amprt::cuda::makeElementwise(const StepContext &s) {
  auto step = std::make_unique<Elementwise>(s);
  AMPRT_RETURN_IF_ERROR(step->prepare(s));
  return std::unique_ptr<StepCode>(std::move(step));
}

Status Update::prepare(const StepContext &s) {
  source = updateSource(s.program, s.step);
  AMPRT_ASSIGN_OR_RETURN(kernel,
                         context.compiled(source.text, kFusedKernel));
  const bool squares = s.step.kernel == Kernel::SumSquares;
  const bool checks = s.step.kernel == Kernel::AllFinite || squares;
  if (squares) {
    AMPRT_ASSIGN_OR_RETURN(sums, context.compiled(source.text, "sum_parts"));
  }
  for (size_t i = 0; i < s.step.parts.size(); ++i) {
    const Part &part = s.step.parts[i];
    k::UpdatePart entry = {};
    if (checks) {
      // The number of elements is that of the tensor among the operands.
      entry.count = 1;
      for (uint32_t operand : source.operands[i])
        if (int64_t n = elementCount(s.operand(operand).dims); n != 1)
          entry.count = n;
    } else {
      entry.count = elementCount(s.result(part.firstResult).dims);
      if (part.copies)
        entry.copyType =
            typeOf(s.result(part.firstResult + part.results - 1));
    }
    entry.kind = source.kinds[i];
    entry.firstChunk = args.chunks;
    args.chunks += (entry.count + k::kChunk - 1) / k::kChunk;
    parts.push_back(entry);
  }
  AMPRT_ASSIGN_OR_RETURN(
      table,
      allocateDevice(context.api(), parts.size() * sizeof(k::UpdatePart)));
  const StepParams &p = s.step.params;
  args.parts = static_cast<const k::UpdatePart *>(table.get());
  args.partCount = int(parts.size());
  args.weightDecay = float(p.weightDecay);
  args.momentum = float(p.momentum);
  args.rho = float(p.rho);
  args.rest = float(1 - p.rho);
  args.epsilon = float(p.epsilon);
  args.rest1 = float(1 - p.beta1);
  args.rest2 = float(1 - p.beta2);
  args.beta1 = p.beta1;
  args.beta2 = p.beta2;
  args.nesterov = p.nesterov;
  return okStatus();
}

Status Update::bind(const StepCall &call) {
  const Step &step = call.step;
  for (size_t i = 0; i < parts.size(); ++i) {
    k::UpdatePart &entry = parts[i];
    for (size_t j = 0; j < source.operands[i].size(); ++j)
      entry.operand[j] = call.operand(source.operands[i][j]);
    if (step.kernel == Kernel::AllFinite)
      continue;
    const Part &part = step.parts[i];
    if (sums) {
      entry.result[0] = call.result(part.firstResult);
      continue;
    }
    uint32_t next = part.firstResult, end = next + part.results - part.copies;
    // Without the mean of the gradients, the momentum is the second slot.
    bool gap = step.kernel == Kernel::ApplyRmsprop && !step.params.centered;
    for (size_t slot = 0; next < end; ++next, ++slot) {
      if (gap && slot == 2)
        ++slot;
      entry.result[slot] = call.result(next);
    }
    entry.copy = part.copies ? call.result(end) : nullptr;
  }
  // From memory of the program's own, which stays as it is until the copy is
  // made: a copy from pageable memory is staged before the call returns.
  AMPRT_CUDA(context.api(), cudaMemcpyAsync,
             (table.get(), parts.data(), parts.size() * sizeof(k::UpdatePart),
              cudaMemcpyHostToDevice, call.stream));
  return okStatus();
}

Status Update::enqueue(const StepCall &call) {
  const Step &step = call.step;
  args.condition = call.condition();
  if (step.kernel == Kernel::AllFinite) {
    args.finite = static_cast<unsigned char *>(call.result(0));
    AMPRT_CUDA(context.api(), cudaMemsetAsync,
               (args.finite, 1, 1, call.stream));
  } else if (sums) {
    args.partials = static_cast<double *>(call.scratch);
  } else {
    bool isAdam = step.kernel == Kernel::ApplyAdam;
    args.rate = static_cast<const float *>(call.operand(isAdam ? 1 : 0));
    args.iterations =
        isAdam ? static_cast<const k::i64 *>(call.operand(0)) : nullptr;
  }
  if (args.chunks)
    AMPRT_RETURN_IF_ERROR(launch(
        context, kernel, launchFlat(context, args.chunks * k::kThreads),
        call.stream, args));
  if (!sums)
    return okStatus();
  return launch(context, sums,
                launchFlat(context, int64_t(parts.size()) * k::kThreads),
                call.stream, args);
}

MadeStep amprt::cuda::makeUpdate(const StepContext &s) {
  auto step = std::make_unique<Update>(s);
  AMPRT_RETURN_IF_ERROR(step->prepare(s));
  return std::unique_ptr<StepCode>(std::move(step));
}
