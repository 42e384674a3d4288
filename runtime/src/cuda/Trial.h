//===- Trial.h - How long a call takes --------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Of several algorithms for the same thing the fastest one is taken, found by
// trying each on random numbers.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_TRIAL_H
#define AMPRT_CUDA_TRIAL_H

#include "Context.h"

namespace amprt::cuda {

/// Memory of the device full of random numbers: products of zeros take less
/// power, and so less time, than others.
Result<Memory> randomMemory(Context &context, size_t bytes);

class Stopwatch {
public:
  static Result<Stopwatch> create(Context &context);
  /// The median of five runs of what `enqueue` puts into the device's stream,
  /// in milliseconds.
  Result<float> median(const std::function<Status()> &enqueue);

private:
  Stopwatch(Context &context, Event before, Event after)
      : context(&context), before(std::move(before)), after(std::move(after)) {}
  Context *context;
  Event before, after;
};

} // namespace amprt::cuda

#endif // AMPRT_CUDA_TRIAL_H
