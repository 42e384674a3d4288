//===- State.cu - The loss scale and the count of calls -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// State that a step reads and writes without the host: one thread each.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

/// The rule of amp/OpSet/LossScaleRule.h, one rounding per product.
AMPRT_KERNEL(loss_scale, LossScaleArgs) {
  if (threadIdx.x != 0 || blockIdx.x != 0)
    return;
  float scale = *a.scale;
  int good = *a.good, bad = *a.bad;
  if (!*a.finite) {
    good = 0;
    bad = bad < 0x7fffffff ? bad + 1 : bad;
    if (bad >= a.decreaseEvery) {
      float reduced = scale * a.backoff;
      scale = reduced < a.minimum ? a.minimum : reduced;
      bad = 0;
    }
  } else {
    bad = 0;
    good = good < 0x7fffffff ? good + 1 : good;
    if (good >= a.growthSteps) {
      float grown = scale * a.growth;
      if (!(grown > a.maximum))
        scale = grown;
      good = 0;
    }
  }
  *a.newScale = scale;
  *a.newGood = good;
  *a.newBad = bad;
}

/// The number of calls that random numbers are drawn from.
AMPRT_KERNEL(advance_state, StateArgs) {
  if (threadIdx.x == 0 && blockIdx.x == 0)
    a.state[0] += 1;
}
