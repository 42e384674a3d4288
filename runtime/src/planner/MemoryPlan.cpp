//===- MemoryPlan.cpp - Places buffers in one arena -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Greedy by size first: on nested lifetimes, as training graphs have them, it
// reaches the lower bound, the most bytes that live at one step. Where it stays
// more than 2 % above, other orders and small changes of the best are tried.
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

namespace {

/// Places ranges one by one, in an order.
class Placer {
public:
  explicit Placer(const std::vector<LiveRange> &ranges) : ranges(ranges) {}
  /// Gives up, with the bytes of then, once `limit` bytes are reached.
  MemoryPlan place(const std::vector<uint32_t> &order, size_t limit);

private:
  /// A range that has its place. They lie by offset and one behind the other,
  /// since placing a range looks at all of them.
  struct Placed {
    uint32_t first, last;
    size_t offset, end;
  };
  const std::vector<LiveRange> &ranges;
  std::vector<Placed> placed;
};

} // namespace

/// Each range goes into the smallest gap that fits among those that live at
/// the same time, else on top of them.
MemoryPlan Placer::place(const std::vector<uint32_t> &order, size_t limit) {
  MemoryPlan plan;
  plan.offsets.assign(ranges.size(), 0);
  placed.clear();
  for (uint32_t id : order) {
    const LiveRange &range = ranges[id];
    const size_t bytes = aligned(range.bytes);
    size_t best = 0, bestGap = ~size_t(0), end = 0;
    for (const Placed &other : placed) {
      if (other.last < range.first || range.last < other.first)
        continue;
      if (other.offset > end && other.offset - end >= bytes &&
          other.offset - end < bestGap) {
        best = end;
        bestGap = other.offset - end;
      }
      end = std::max(end, other.end);
    }
    const size_t offset = bestGap == ~size_t(0) ? end : best;
    plan.offsets[id] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    if (plan.bytes >= limit)
      break;
    placed.insert(std::upper_bound(placed.begin(), placed.end(), offset,
                                   [](size_t at, const Placed &other) {
                                     return at < other.offset;
                                   }),
                  {range.first, range.last, offset, offset + bytes});
  }
  return plan;
}

MemoryPlan amprt::planMemory(const std::vector<LiveRange> &ranges) {
  const size_t bound = peakLive(ranges);
  auto length = [&](uint32_t id) {
    return uint64_t(ranges[id].last) - ranges[id].first + 1;
  };
  // Keys of the orders to try; the largest comes first.
  auto bySize = [&](uint32_t id) { return uint64_t(ranges[id].bytes); };
  auto byArea = [&](uint32_t id) { return length(id) * ranges[id].bytes; };
  auto byStart = [&](uint32_t id) { return ~uint64_t(ranges[id].first); };
  Placer placer(ranges);
  std::vector<uint32_t> order(ranges.size());
  MemoryPlan best;
  best.bytes = ~size_t(0);
  std::vector<uint32_t> bestOrder;
  auto tryOrder = [&] {
    MemoryPlan plan = placer.place(order, best.bytes);
    if (plan.bytes >= best.bytes)
      return false;
    best = std::move(plan);
    bestOrder = order;
    return true;
  };
  auto isGood = [&] { return best.bytes <= bound + bound / 50; };
  auto sortBy = [&](auto key) {
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return key(a) > key(b); });
    tryOrder();
  };
  sortBy(bySize);
  if (!isGood())
    sortBy(byArea);
  if (!isGood())
    sortBy(length);
  if (!isGood())
    sortBy(byStart);
  // Still 2 % above the bound: move ranges to the front, one at a time, by
  // numbers that are the same on every machine, for a bounded time, which for
  // many ranges is that of a few orders.
  uint64_t state = 88172645463325252u;
  const size_t n = ranges.size();
  size_t rounds = n ? std::min<size_t>(2000, 4000000 / (n * n)) : 0;
  if (n < 400)
    rounds += 50;
  for (size_t round = 0; round < rounds && !isGood(); ++round) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    order = bestOrder;
    size_t from = size_t(state % order.size());
    size_t to = size_t((state >> 32) % (from + 1));
    std::rotate(order.begin() + long(to), order.begin() + long(from),
                order.begin() + long(from) + 1);
    tryOrder();
  }
  best.peakLive = bound;
  return best;
}
