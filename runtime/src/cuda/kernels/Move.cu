//===- Move.cu - Moves elements -------------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Transposes, slices, padding and parts of concatenations: elements of 1, 2, 4
// or 8 bytes, whatever they mean.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

__device__ inline u64 loadBits(const void *p, int bytes, i64 at) {
  switch (bytes) {
  case 1:
    return ((const unsigned char *)p)[at];
  case 2:
    return ((const u16 *)p)[at];
  case 4:
    return ((const u32 *)p)[at];
  default:
    return ((const u64 *)p)[at];
  }
}
__device__ inline void storeBits(void *p, int bytes, i64 at, u64 x) {
  switch (bytes) {
  case 1:
    ((unsigned char *)p)[at] = (unsigned char)(x);
    break;
  case 2:
    ((u16 *)p)[at] = u16(x);
    break;
  case 4:
    ((u32 *)p)[at] = u32(x);
    break;
  default:
    ((u64 *)p)[at] = x;
  }
}

/// One side is dense, the other walks over the nest.
AMPRT_KERNEL(move_strided, MoveArgs) {
  for (i64 at = firstIndex(); at < a.count; at += indexStep()) {
    i64 place = a.offset + offsetOf(at, a.nest);
    storeBits(a.to, a.bytes, a.scatters ? place : at,
              loadBits(a.from, a.bytes, a.scatters ? at : place));
  }
}

AMPRT_KERNEL(move_fill, MoveArgs) {
  for (i64 at = firstIndex(); at < a.count; at += indexStep())
    storeBits(a.to, a.bytes, at, a.fill);
}

AMPRT_KERNEL(move_rows, RowsArgs) {
  i64 count = a.rows * a.width;
  for (i64 at = firstIndex(); at < count; at += indexStep()) {
    i64 row = at / a.width, i = at % a.width;
    storeBits(a.to, a.bytes, row * a.toPitch + i,
              loadBits(a.from, a.bytes, row * a.fromPitch + i));
  }
}
