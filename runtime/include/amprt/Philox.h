//===- Philox.h - Random numbers that any device can make -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Philox 4x32-10 (Salmon et al., SC 2011): a counter and a key give four 32-bit
// words, in any order and on any device. The runtime's convention: the key is
// the seed, the counter is (element / 4 as 64 bits, step, node).
//===----------------------------------------------------------------------===//

#ifndef AMPRT_PHILOX_H
#define AMPRT_PHILOX_H

#include <array>
#include <cstdint>
#include <string_view>

namespace amprt {

using Philox4 = std::array<uint32_t, 4>;

/// Ten rounds of Philox on `counter` with `key`.
inline Philox4 philox(Philox4 counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53) * counter[0];
    uint64_t p1 = uint64_t(0xCD9E8D57) * counter[2];
    counter = {uint32_t(p1 >> 32) ^ counter[1] ^ key[0], uint32_t(p1),
               uint32_t(p0 >> 32) ^ counter[3] ^ key[1], uint32_t(p0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// Four words for the elements `4 * block` to `4 * block + 3`.
inline Philox4 philoxBlock(uint64_t seed, uint64_t block, uint32_t step,
                           uint32_t node) {
  return philox({uint32_t(block), uint32_t(block >> 32), step, node},
                {uint32_t(seed), uint32_t(seed >> 32)});
}

/// The counter word of a node or variable: a hash of its name (32-bit FNV-1a),
/// so that its numbers do not change when others are added.
inline uint32_t philoxNode(std::string_view name) {
  uint32_t hash = 2166136261u;
  for (char c : name)
    hash = (hash ^ uint8_t(c)) * 16777619u;
  return hash;
}

/// 24 random bits as a number in [0, 1).
inline double philoxUniform(uint32_t word) { return (word >> 8) * 0x1p-24; }

/// The seed of a stream of the file in a session with a seed of its own; 0
/// leaves it as it is.
inline uint64_t mixSeeds(uint64_t seed, uint64_t session) {
  return seed ^ (session * 0x9E3779B97F4A7C15u);
}

} // namespace amprt

#endif // AMPRT_PHILOX_H
