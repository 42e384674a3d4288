//===- Random.cpp - Random numbers of the data sets -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Philox counters: the upper half of the block number is the item, the lower
// half counts its draws, so that no two streams share a block.
//===----------------------------------------------------------------------===//

#include "amprt/io/Random.h"

#include <numeric>
#include <utility>

namespace amprt::io {

RandomStream::RandomStream(uint64_t seed, RandomUse use, uint32_t part,
                           uint32_t item)
    : key(seed), block(uint64_t(item) << 32), part(part),
      purpose(uint32_t(use)) {}

uint32_t RandomStream::next() {
  if (used == words.size()) {
    words = philoxBlock(key, block++, part, purpose);
    used = 0;
  }
  return words[used++];
}

float RandomStream::nextFloat() { return float(philoxUniform(next())); }

uint64_t RandomStream::nextBelow(uint64_t bound) {
  // Numbers at and above the largest multiple of `bound` would favour the
  // small remainders: draw again.
  const uint64_t top = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    const uint64_t high = next();
    const uint64_t value = high << 32 | next();
    if (value < top)
      return value % bound;
  }
}

std::vector<int64_t> shuffledOrder(int64_t count, uint64_t seed,
                                   uint32_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t(0));
  RandomStream random(seed, RandomUse::Shuffle, epoch);
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[size_t(random.nextBelow(i))]);
  return order;
}

} // namespace amprt::io
