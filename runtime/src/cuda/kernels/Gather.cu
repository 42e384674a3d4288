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

/// x is the gradient. A block takes kRows neighbouring rows of the result and
/// walks over the indices once for all of them; most indices are of others.
template <class T> __device__ inline void gatherGrad(const GatherArgs &a) {
  constexpr i64 kRows = 64;
  __shared__ i64 hit[kThreads];
  i64 tiles = (a.size + kRows - 1) / kRows;
  i64 tasks = a.outer * tiles;
  i64 slices = (a.inner + blockDim.x - 1) / blockDim.x;
  for (i64 task = blockIdx.x; task < tasks * slices; task += gridDim.x) {
    i64 slice = task % slices, tile = task / slices % tiles;
    i64 outer = task / slices / tiles;
    i64 inner = slice * blockDim.x + threadIdx.x;
    i64 low = tile * kRows;
    i64 high = low + kRows < a.size ? low + kRows : a.size;
    for (i64 row = low; row < high; ++row) {
      double total = 0;
      for (i64 first = 0; first < a.count; first += blockDim.x) {
        __syncthreads();
        i64 i = first + threadIdx.x;
        hit[threadIdx.x] = i < a.count ? loadInt(a.indices, a.indexType, i) : -1;
        __syncthreads();
        for (i64 j = 0; j < i64(blockDim.x); ++j)
          if (hit[j] == row && inner < a.inner)
            total += double(load<T>(a.x, a.type,
                                    (outer * a.count + first + j) * a.inner +
                                        inner));
      }
      if (inner < a.inner)
        store(a.result, a.type, (outer * a.size + row) * a.inner + inner,
              T(total));
    }
  }
}
AMPRT_KERNEL(gather_grad_f32, GatherArgs) { gatherGrad<float>(a); }
AMPRT_KERNEL(gather_grad_f64, GatherArgs) { gatherGrad<double>(a); }
