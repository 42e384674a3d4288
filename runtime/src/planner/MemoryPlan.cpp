//===- MemoryPlan.cpp - Places buffers in one arena ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Greedy by size: on the nested lifetimes of training graphs it reaches the
// lower bound, the most bytes that live at one step.
//===----------------------------------------------------------------------===//

#include "amprt/Planner.h"

#include <algorithm>
#include <numeric>

using namespace amprt;

static size_t aligned(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// The most bytes that live at one step.
static size_t peakLive(const std::vector<LiveRange> &ranges) {
  std::vector<std::pair<uint64_t, int64_t>> changes;
  for (const LiveRange &range : ranges) {
    changes.push_back(
        {2 * uint64_t(range.first), int64_t(aligned(range.bytes))});
    changes.push_back(
        {2 * uint64_t(range.last) + 1, -int64_t(aligned(range.bytes))});
  }
  std::sort(changes.begin(), changes.end(),
            [](const auto &a, const auto &b) { return a.first < b.first; });
  int64_t live = 0, peak = 0;
  for (const auto &[time, change] : changes) {
    live += change;
    peak = std::max(peak, live);
  }
  return size_t(peak);
}

MemoryPlan amprt::planMemory(const std::vector<LiveRange> &ranges) {
  MemoryPlan plan;
  plan.offsets.assign(ranges.size(), 0);
  plan.peakLive = peakLive(ranges);
  std::vector<uint32_t> bySize(ranges.size());
  std::iota(bySize.begin(), bySize.end(), 0);
  std::sort(bySize.begin(), bySize.end(), [&](uint32_t a, uint32_t b) {
    const LiveRange &x = ranges[a], &y = ranges[b];
    if (x.bytes != y.bytes)
      return x.bytes > y.bytes;
    return x.first != y.first ? x.first < y.first : a < b;
  });
  std::vector<uint32_t> placed; // by offset
  for (uint32_t id : bySize) {
    const LiveRange &range = ranges[id];
    size_t bytes = aligned(range.bytes);
    size_t best = 0, bestGap = ~size_t(0), end = 0;
    for (uint32_t other : placed) {
      if (ranges[other].last < range.first || range.last < ranges[other].first)
        continue;
      size_t offset = plan.offsets[other];
      if (offset > end && offset - end >= bytes && offset - end < bestGap) {
        best = end;
        bestGap = offset - end;
      }
      end = std::max(end, offset + aligned(ranges[other].bytes));
    }
    plan.offsets[id] = bestGap == ~size_t(0) ? end : best;
    plan.bytes = std::max(plan.bytes, plan.offsets[id] + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), id,
                                   [&](uint32_t a, uint32_t b) {
                                     return plan.offsets[a] < plan.offsets[b];
                                   }),
                  id);
  }
  return plan;
}
