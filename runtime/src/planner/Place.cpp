//===- Place.cpp - Places and totals --------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Lifetimes of the arena's buffers, their offsets, and what a program costs.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::planner;

static void setLifetimes(Builder &builder) {
  Program &program = builder.program;
  std::vector<bool> seen(program.buffers.size(), false);
  auto touch = [&](uint32_t index, uint32_t step) {
    if (index == kNoBuffer)
      return;
    Buffer &buffer = builder.buffer(builder.base[index]);
    if (!seen[builder.base[index]])
      buffer.firstStep = step;
    seen[builder.base[index]] = true;
    buffer.lastStep = step;
  };
  for (uint32_t i = 0; i < program.steps.size(); ++i) {
    const Step &step = program.steps[i];
    for (uint32_t operand : step.operands)
      touch(operand, i);
    touch(step.condition, i);
    for (uint32_t result : step.results)
      touch(result, i);
  }
  // Read after the run.
  if (program.finite != kNoBuffer && !program.steps.empty())
    touch(program.finite, uint32_t(program.steps.size()) - 1);
}

/// Whether a step may write its result over an operand that nothing reads
/// afterwards: both lie in memory in the same way, so that an element-wise step
/// reads every element before it is written, and a loss every row.
static bool canOverwrite(const Builder &builder, const Step &step,
                         uint32_t operand, uint32_t result) {
  const Program &program = builder.program;
  const Buffer &from = program.buffers[operand];
  const Buffer &to = program.buffers[result];
  if (from.space != Space::Arena || from.bytes() != to.bytes() ||
      amp::dtypeSize(from.dtype) != amp::dtypeSize(to.dtype))
    return false;
  if (step.kernel != Kernel::Elementwise)
    return from.pitch == to.pitch;
  for (size_t i = 0; i < step.operands.size(); ++i)
    if (builder.base[step.operands[i]] == operand &&
        step.params.strides[i] != step.params.strides.back())
      return false;
  return true;
}

/// Per buffer the one whose memory it takes; itself for most. Lifetimes of
/// buffers that others take grow with them.
static void shareMemory(Builder &builder, std::vector<uint32_t> &owner) {
  Program &program = builder.program;
  for (uint32_t i = 0; i < program.steps.size(); ++i) {
    const Step &step = program.steps[i];
    const LossPlaces loss = lossPlaces(step);
    std::vector<uint32_t> operands;
    uint32_t result = kNoBuffer;
    if (step.kernel == Kernel::Elementwise && step.condition == kNoBuffer) {
      operands = step.operands;
      result = step.results[0];
    } else if (loss.logits < step.operands.size() &&
               loss.gradient < step.results.size()) {
      operands = {step.operands[loss.logits]};
      result = step.results[loss.gradient];
    } else {
      continue;
    }
    const Buffer &to = program.buffers[result];
    if (builder.base[result] != result || to.space != Space::Arena ||
        to.firstStep != i || to.bytes() == 0)
      continue;
    for (uint32_t operand : operands) {
      uint32_t base = builder.base[operand];
      Buffer &memory = program.buffers[owner[base]];
      if (base == result || memory.lastStep != i ||
          !canOverwrite(builder, step, base, result))
        continue;
      owner[result] = owner[base];
      memory.lastStep = to.lastStep;
      break;
    }
  }
}

static void placeArena(Builder &builder, const DeviceTraits &traits) {
  Program &program = builder.program;
  std::vector<uint32_t> owner(program.buffers.size());
  for (uint32_t i = 0; i < owner.size(); ++i)
    owner[i] = i;
  // Who looks at each step wants to see what it read.
  if (traits.fuse)
    shareMemory(builder, owner);
  std::vector<bool> used(program.buffers.size(), false);
  for (const Step &step : program.steps) {
    for (uint32_t operand : step.operands)
      used[builder.base[operand]] = true;
    for (uint32_t result : step.results)
      used[builder.base[result]] = true;
  }
  std::vector<uint32_t> ids;
  std::vector<LiveRange> ranges;
  for (uint32_t i = 0; i < program.buffers.size(); ++i) {
    const Buffer &buffer = program.buffers[i];
    if (builder.base[i] != i || buffer.space != Space::Arena || !used[i] ||
        owner[i] != i)
      continue;
    ids.push_back(i);
    ranges.push_back({buffer.bytes(), buffer.firstStep, buffer.lastStep});
  }
  MemoryPlan plan = planMemory(ranges);
  for (size_t i = 0; i < ids.size(); ++i)
    program.buffers[ids[i]].offset = plan.offsets[i];
  for (uint32_t i = 0; i < program.buffers.size(); ++i)
    program.buffers[i].offset = program.buffers[owner[i]].offset;
  program.totals.arenaBytes = plan.bytes;
  program.totals.peakLive = plan.peakLive;
  for (uint32_t i = 0; i < program.buffers.size(); ++i) {
    const Buffer &from = program.buffers[builder.base[i]];
    Buffer &to = program.buffers[i];
    to.space = from.space;
    to.index = from.index;
    to.offset = from.offset;
    to.firstStep = from.firstStep;
    to.lastStep = from.lastStep;
  }
}

static void addTotals(Program &program) {
  Totals &totals = program.totals;
  auto bytes = [&](uint32_t index) {
    const Buffer &buffer = program.buffers[index];
    return uint64_t(elementCount(buffer.dims)) * amp::dtypeSize(buffer.dtype);
  };
  for (const Step &step : program.steps) {
    ++totals.kernels;
    const StepParams &p = step.params;
    totals.flop += flopOf(program, step);
    for (uint32_t operand : step.operands)
      totals.bytes += bytes(operand);
    for (size_t i = 0; i + p.hasScratch < step.results.size(); ++i)
      totals.bytes += bytes(step.results[i]);
    auto isCast = [](const std::string &op) { return op == "cast"; };
    uint64_t casts =
        uint64_t(std::count_if(step.nodes.begin(), step.nodes.end(), isCast));
    totals.casts += casts;
    totals.castKernels += casts == step.nodes.size();
  }
}

void amprt::planner::place(Builder &builder, const DeviceTraits &traits) {
  setLifetimes(builder);
  placeArena(builder, traits);
  for (const Buffer &buffer : builder.program.buffers)
    if (buffer.space == Space::Cache)
      builder.program.cache[buffer.index].bytes = buffer.bytes();
  addTotals(builder.program);
}
