//===- Gather.cu - Gathers rows, and adds gradients back ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// An index that is out of range is noted in device memory; the host names it
// when it next looks. Gradients add in float64 in the order of the indices.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

/// The first index that is out of range; one block.
AMPRT_KERNEL(gather_check, GatherArgs) {
  Found<i64> found = {-a.count - 1, 0};
  for (i64 i = threadIdx.x; i < a.count; i += blockDim.x) {
    i64 index = loadInt(a.indices, a.indexType, i);
    if ((index < 0 || index >= a.size) && -i > found.value)
      found = {-i, index};
  }
  __shared__ i64 values[kThreads];
  __syncthreads();
  values[threadIdx.x] = found.at;
  Found<i64> best = largestOfRow(Found<i64>{found.value, i64(threadIdx.x)});
  if (threadIdx.x == 0 && best.value >= -a.count && a.count &&
      a.fault[0] == ~0ull) {
    a.fault[0] = u64(-best.value);
    a.fault[1] = u64(values[best.at]);
  }
}

__device__ inline u64 bitsAt(const void *p, int bytes, i64 at) {
  return bytes == 1   ? ((const unsigned char *)p)[at]
         : bytes == 2 ? ((const u16 *)p)[at]
         : bytes == 4 ? ((const u32 *)p)[at]
                      : ((const u64 *)p)[at];
}

/// `type` is the size of an element here.
AMPRT_KERNEL(gather, GatherArgs) {
  i64 total = a.outer * a.count * a.inner;
  for (i64 at = firstIndex(); at < total; at += indexStep()) {
    i64 inner = at % a.inner, i = at / a.inner % a.count;
    i64 outer = at / a.inner / a.count;
    i64 index = loadInt(a.indices, a.indexType, i);
    bool known = index >= 0 && index < a.size;
    u64 value =
        known ? bitsAt(a.x, a.type, (outer * a.size + index) * a.inner + inner)
              : 0;
    if (a.type == 1)
      ((unsigned char *)a.result)[at] = (unsigned char)(value);
    else if (a.type == 2)
      ((u16 *)a.result)[at] = u16(value);
    else if (a.type == 4)
      ((u32 *)a.result)[at] = u32(value);
    else
      ((u64 *)a.result)[at] = value;
  }
}

// The gradient adds up what belongs to one row. For that the indices are sorted
// by row, eight bits at a time from the lowest, and those of one row stay in
// their order: tiles of them count their digits, the counts become the places
// where each tile's begin, and the tiles go there. A thread finds its place
// among the equal digits in front of it by looking at them, so that nothing
// depends on which comes first.

/// The row of an index; behind all rows where it is out of range.
__device__ inline u32 rowAt(const GatherSortArgs &a, i64 i) {
  if (a.fromRows)
    return a.fromRows[i];
  i64 row = loadInt(a.indices, a.indexType, i);
  return u32(row < 0 || row >= a.size ? a.size : row);
}
/// The digits of 256 indices, one per thread; -1 behind the last.
__device__ inline void loadDigits(const GatherSortArgs &a, i64 first,
                                  int (&digits)[kThreads]) {
  i64 i = first + threadIdx.x;
  __syncthreads();
  digits[threadIdx.x] =
      i < a.count ? int(rowAt(a, i) >> a.shift) & (kSortDigits - 1) : -1;
  __syncthreads();
}
__device__ inline u32 countOf(const int (&digits)[kThreads], int digit,
                              int end) {
  u32 count = 0;
  for (int t = 0; t < end; ++t)
    count += digits[t] == digit;
  return count;
}

AMPRT_KERNEL(gather_digits, GatherSortArgs) {
  static_assert(kSortDigits == kThreads, "a thread for each digit");
  __shared__ int digits[kThreads];
  for (i64 tile = blockIdx.x; tile < a.tiles; tile += gridDim.x) {
    u32 count = 0;
    for (i64 first = tile * kSortTile; first < (tile + 1) * kSortTile;
         first += kThreads) {
      loadDigits(a, first, digits);
      count += countOf(digits, int(threadIdx.x), kThreads);
    }
    a.counts[threadIdx.x * a.tiles + tile] = count;
  }
}

/// One block.
AMPRT_KERNEL(gather_offsets, GatherSortArgs) {
  __shared__ u32 totals[kThreads];
  u32 *own = a.counts + threadIdx.x * a.tiles;
  u32 total = 0;
  for (i64 tile = 0; tile < a.tiles; ++tile)
    total += own[tile];
  totals[threadIdx.x] = total;
  __syncthreads();
  u32 at = 0;
  for (unsigned digit = 0; digit < threadIdx.x; ++digit)
    at += totals[digit];
  for (i64 tile = 0; tile < a.tiles; ++tile) {
    u32 count = own[tile];
    own[tile] = at;
    at += count;
  }
}

AMPRT_KERNEL(gather_scatter, GatherSortArgs) {
  __shared__ int digits[kThreads];
  __shared__ u32 offsets[kThreads];
  for (i64 tile = blockIdx.x; tile < a.tiles; tile += gridDim.x) {
    __syncthreads();
    offsets[threadIdx.x] = a.counts[threadIdx.x * a.tiles + tile];
    for (i64 first = tile * kSortTile; first < (tile + 1) * kSortTile;
         first += kThreads) {
      loadDigits(a, first, digits);
      i64 i = first + threadIdx.x;
      int digit = digits[threadIdx.x];
      if (digit >= 0) {
        u32 to = offsets[digit] + countOf(digits, digit, int(threadIdx.x));
        a.toRows[to] = rowAt(a, i);
        a.toPlaces[to] = a.fromPlaces ? a.fromPlaces[i] : u32(i);
      }
      __syncthreads();
      offsets[threadIdx.x] += countOf(digits, int(threadIdx.x), kThreads);
    }
  }
}

/// The first of the sorted indices whose row is not below this one.
__device__ inline i64 firstOf(const GatherGradArgs &a, i64 row) {
  i64 low = 0, high = a.gather.count;
  while (low < high) {
    i64 middle = (low + high) / 2;
    if (i64(a.rows[middle]) < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// x is the gradient. Threads of one threadIdx.y take a row of the result.
template <class T> __device__ inline void gatherGrad(const GatherGradArgs &s) {
  const GatherArgs &a = s.gather;
  i64 rows = a.outer * a.size;
  for (i64 at = i64(blockIdx.x) * blockDim.y + threadIdx.y; at < rows;
       at += i64(gridDim.x) * blockDim.y) {
    i64 outer = at / a.size, row = at % a.size;
    i64 begin = firstOf(s, row), end = firstOf(s, row + 1);
    const Run result = {a.result, a.type, at * a.inner, 1};
    const Run first = {a.x, a.type, outer * a.count * a.inner, 1};
    const bool wide =
        isWide(result) && isWide(first) && a.inner % kGroup == 0;
    i64 whole = wide ? a.inner / kGroup : 0;
    for (i64 group = threadIdx.x; group < whole; group += blockDim.x) {
      double total[kGroup] = {0, 0, 0, 0, 0, 0, 0, 0};
      for (i64 e = begin; e < end; ++e) {
        T values[kGroup];
        loadGroup(values, first, i64(s.places[e]) * a.inner + group * kGroup);
#pragma unroll
        for (int j = 0; j < kGroup; ++j)
          total[j] += double(values[j]);
      }
      T rounded[kGroup];
#pragma unroll
      for (int j = 0; j < kGroup; ++j)
        rounded[j] = T(total[j]);
      storeGroup(result, group * kGroup, rounded);
    }
    for (i64 inner = whole * kGroup + threadIdx.x; inner < a.inner;
         inner += blockDim.x) {
      double total = 0;
      for (i64 e = begin; e < end; ++e)
        total += double(loadFrom<T>(first, i64(s.places[e]) * a.inner + inner));
      storeTo<T>(result, inner, T(total));
    }
  }
}
AMPRT_KERNEL(gather_grad_f32, GatherGradArgs) { gatherGrad<float>(a); }
AMPRT_KERNEL(gather_grad_f64, GatherGradArgs) { gatherGrad<double>(a); }
