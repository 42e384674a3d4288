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

static void placeArena(Builder &builder) {
  Program &program = builder.program;
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
    if (builder.base[i] != i || buffer.space != Space::Arena || !used[i])
      continue;
    ids.push_back(i);
    ranges.push_back({buffer.bytes(), buffer.firstStep, buffer.lastStep});
  }
  MemoryPlan plan = planMemory(ranges);
  for (size_t i = 0; i < ids.size(); ++i)
    program.buffers[ids[i]].offset = plan.offsets[i];
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
    if (step.kernel == Kernel::Matmul)
      totals.flop +=
          uint64_t(2 * p.batch * p.m) * uint64_t(p.n) * uint64_t(p.k);
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

void amprt::planner::place(Builder &builder) {
  setLifetimes(builder);
  placeArena(builder);
  for (const Buffer &buffer : builder.program.buffers)
    if (buffer.space == Space::Cache)
      builder.program.cache[buffer.index].bytes = buffer.bytes();
  addTotals(builder.program);
}
