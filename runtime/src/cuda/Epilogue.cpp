//===- Epilogue.cpp - Epilogues in kernels of our own ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The same steps that the planner would have written.
//===----------------------------------------------------------------------===//

#include "Epilogue.h"

#include "amprt/EpiloguePass.h"

using namespace amprt;
using namespace amprt::cuda;
namespace k = amprt_kernels;

bool amprt::cuda::hasGradientEpilogue(const StepParams &p) {
  return p.keepsInput || p.gelu || p.reluGrad || p.geluGrad || p.sumsResult ||
         p.sumsB;
}

Status OwnEpilogue::add(const StepContext &s, Step step) {
  auto pass = std::make_unique<Pass>();
  pass->step = std::move(step);
  AMPRT_ASSIGN_OR_RETURN(
      pass->code, makeStep(StepContext{s.context, s.program, pass->step}));
  passes.push_back(std::move(pass));
  return okStatus();
}

Status OwnEpilogue::prepare(const StepContext &s) {
  context = &s.context;
  passes.clear();
  const StepParams &p = s.step.params;
  const uint32_t result = s.step.results[0], last = s.step.operands.back();
  auto elementwise = [&](Expression expression, std::vector<uint32_t> operands,
                         uint32_t to) {
    return epiloguePass(s.program, s.step, std::move(expression),
                        std::move(operands), to);
  };
  if (p.relu && p.keepsInput) {
    AMPRT_ASSIGN_OR_RETURN(mask, context->kernel("Epilogue", "relu_mask"));
  }
  if (p.reluGrad) {
    AMPRT_ASSIGN_OR_RETURN(masked, context->kernel("Epilogue", "relu_masked"));
  }
  if (p.gelu) {
    const uint32_t input = s.step.results[1];
    AMPRT_RETURN_IF_ERROR(add(
        s, elementwise({{ScalarOp::Load, s.result(0).dtype, 0}}, {result},
                       input)));
    AMPRT_RETURN_IF_ERROR(
        add(s, elementwise(s.step.expression, {input}, result)));
  }
  if (p.geluGrad)
    AMPRT_RETURN_IF_ERROR(
        add(s, elementwise(s.step.expression, {result, last}, result)));
  if (p.sumsResult || p.sumsB) {
    Step sum;
    sum.kernel = Kernel::Reduce;
    sum.name = s.step.name;
    sum.operands = {p.sumsB ? s.step.operands[1] : result};
    sum.results = {s.step.results[p.keepsInput ? 2 : 1]};
    sum.params.loops = {p.n};
    sum.params.strides = {{1}};
    sum.params.reduceLoops = {p.sumsB ? p.k : p.m};
    sum.params.reduceStrides = {s.program.buffers[sum.operands[0]].pitch};
    AMPRT_RETURN_IF_ERROR(add(s, std::move(sum)));
  }
  return okStatus();
}

size_t OwnEpilogue::scratchBytes() const {
  size_t bytes = 0;
  for (const auto &pass : passes)
    bytes = std::max(bytes, pass->code->scratchBytes());
  return bytes;
}

Status OwnEpilogue::enqueue(const StepCall &call) {
  const StepParams &p = call.step.params;
  const Buffer &result = call.program.buffers[call.step.results[0]];
  k::MaskArgs args = {};
  args.values = call.result(0);
  args.type = typeOf(result);
  args.rows = p.m;
  args.columns = p.n;
  args.pitch = result.pitch;
  args.maskBytes = maskPitch(p.n) / 8;
  if (mask) {
    args.mask = static_cast<unsigned char *>(call.result(1));
    AMPRT_RETURN_IF_ERROR(launch(*context, mask,
                                 launchFlat(*context, p.m * args.maskBytes),
                                 call.stream, args));
  }
  if (masked) {
    args.mask = static_cast<unsigned char *>(
        call.address(call.step.operands.back()));
    AMPRT_RETURN_IF_ERROR(launch(*context, masked,
                                 launchFlat(*context, p.m * p.n), call.stream,
                                 args));
  }
  for (const auto &pass : passes) {
    StepCall own{call.program, pass->step,   call.bindings, call.stream,
                 call.scratch, call.state, call.fault};
    AMPRT_RETURN_IF_ERROR(pass->code->enqueue(own));
  }
  return okStatus();
}
