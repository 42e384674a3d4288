//===- Planner.h - From a graph function to a Program -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Lowers each node of a function to steps, fuses neighbours, orders updates
// behind the readers of what they change, and places every buffer. Runs on any
// machine for any device: it sees traits only.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_PLANNER_H
#define AMPRT_PLANNER_H

#include "amp/GraphFile/Reader.h"
#include "amprt/Device.h"

#include <map>

namespace amprt {

/// Numbers of named sizes.
using SizeBindings = std::map<std::string, int64_t, std::less<>>;

/// Reads an entry of the file's weights.
using WeightsReader = std::function<Result<Tensor>(std::string_view entry)>;

/// Plans function number `function` of the file. Every op that has no lowering
/// is named in one Unimplemented status.
Result<Program> planFunction(const amp::graphfile::CheckedFile &file,
                             size_t function, const SizeBindings &sizes,
                             const DeviceTraits &traits,
                             const WeightsReader &weights = {});

/// A buffer to place: bytes, and the steps in which it is live, inclusive.
struct LiveRange {
  size_t bytes = 0;
  uint32_t first = 0, last = 0;
};
/// Where the buffers go.
struct MemoryPlan {
  std::vector<size_t> offsets; ///< parallel to the ranges
  size_t bytes = 0;            ///< of the arena
  size_t peakLive = 0;         ///< lower bound of any plan
};
/// Places buffers greedily, the largest first, each in the smallest gap that
/// fits among those that live at the same time; tries other orders when that
/// is more than 2 % above the lower bound. All offsets are multiples of 256.
MemoryPlan planMemory(const std::vector<LiveRange> &ranges);

} // namespace amprt

#endif // AMPRT_PLANNER_H
