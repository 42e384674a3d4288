//===- Random.h - Random numbers of the data sets ---------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A stream of numbers out of the counter-based generator of the runtime, and
// the shuffled order of an epoch. Both are functions of their seed alone.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_RANDOM_H
#define AMPRT_IO_RANDOM_H

#include "amprt/Philox.h"

#include <vector>

namespace amprt::io {

/// Keeps the streams of different purposes apart.
enum class RandomUse : uint32_t {
  Digits = 0x64696769,
  Shuffle = 0x73687566,
  Sample = 0x73616d70
};

/// The numbers of one (seed, use, part, item), in order.
class RandomStream {
public:
  RandomStream(uint64_t seed, RandomUse use, uint32_t part = 0,
               uint32_t item = 0);
  uint32_t next();
  /// In [0, 1), a multiple of 2^-24.
  float nextFloat();
  /// In [0, bound), without bias. `bound` is not 0.
  uint64_t nextBelow(uint64_t bound);

private:
  uint64_t key, block = 0;
  uint32_t part, purpose;
  unsigned used = 4;
  Philox4 words = {};
};

/// 0 … count-1 in the order of this epoch (Fisher-Yates).
std::vector<int64_t> shuffledOrder(int64_t count, uint64_t seed,
                                   uint32_t epoch);

} // namespace amprt::io

#endif // AMPRT_IO_RANDOM_H
