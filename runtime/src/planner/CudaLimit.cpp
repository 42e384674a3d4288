//===- CudaLimit.cpp - The time that a GPU's limits allow -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Each step takes at least as long as its arithmetic at the device's rate for
// the type, and as its bytes at the memory's rate. The sum over the steps is
// what a run cannot beat with this plan.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::planner;

void amprt::planner::addLimit(Builder &builder, const DeviceTraits &traits) {
  Program &program = builder.program;
  const DeviceRates &rates = traits.rates;
  if (rates.bytes == 0)
    return;
  auto bytesOf = [&](uint32_t index) {
    const Buffer &buffer = program.buffers[index];
    return double(elementCount(buffer.dims)) *
           double(amp::dtypeSize(buffer.dtype));
  };
  Totals &totals = program.totals;
  for (const Step &step : program.steps) {
    // What is kept between calls costs nothing in most of them.
    if (step.cached)
      continue;
    double bytes = 0;
    for (uint32_t operand : step.operands)
      bytes += bytesOf(operand);
    for (size_t i = 0; i + step.params.hasScratch < step.results.size(); ++i)
      bytes += bytesOf(step.results[i]);
    const DType dtype = step.operands.empty()
                            ? DType::Float32
                            : program.buffers[step.operands[0]].dtype;
    const double rate = amp::isLow(dtype)           ? rates.flop16
                        : dtype == DType::Float64 ? rates.flop64
                        : traits.tf32             ? rates.flopTf32
                                                  : rates.flop32;
    const double products = double(flopOf(program, step)) / rate;
    const double memory = bytes / rates.bytes;
    totals.limit += std::max(products, memory);
    totals.productLimit += products;
    totals.memoryLimit += memory;
  }
}
