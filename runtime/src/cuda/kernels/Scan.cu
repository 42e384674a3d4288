//===- Scan.cu - Running sums and the place of the largest ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One thread per row for running sums, which are one after the other; a group
// of threads per row for the largest.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

template <class T, class Acc> __device__ inline void cumsum(const ScanArgs &a) {
  i64 rows = a.outer * a.inner;
  for (i64 row = firstIndex(); row < rows; row += indexStep()) {
    Acc total = 0;
    for (i64 n = 0; n < a.size; ++n) {
      i64 i = a.reverse ? a.size - 1 - n : n;
      i64 at = (row / a.inner * a.size + i) * a.inner + row % a.inner;
      total += Acc(load<T>(a.x, a.type, at));
      store(a.result, a.type, at, T(total));
    }
  }
}
AMPRT_KERNEL(cumsum_f32, ScanArgs) { cumsum<float, double>(a); }
AMPRT_KERNEL(cumsum_f64, ScanArgs) { cumsum<double, double>(a); }
AMPRT_KERNEL(cumsum_int, ScanArgs) { cumsum<i64, u64>(a); }

template <class T> __device__ inline void argMax(const ScanArgs &a) {
  i64 rows = a.outer * a.inner;
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < rows;
       first += i64(gridDim.x) * blockDim.y) {
    i64 row = first + threadIdx.y;
    bool active = row < rows && i64(threadIdx.x) < a.size;
    i64 base = row / a.inner * a.size * a.inner + row % a.inner;
    // A thread without elements repeats one of the row, which changes nothing.
    i64 own = active ? threadIdx.x : 0;
    Found<T> found = {row < rows && a.size
                          ? load<T>(a.x, a.type, base + own * a.inner)
                          : T(0),
                      own};
    for (i64 i = own + blockDim.x; active && i < a.size; i += blockDim.x)
      found = larger(found, Found<T>{load<T>(a.x, a.type, base + i * a.inner), i});
    found = largestOfRow(found);
    if (row < rows && threadIdx.x == 0)
      ((int *)a.result)[row] = int(found.at);
  }
}
AMPRT_KERNEL(argmax_f32, ScanArgs) { argMax<float>(a); }
AMPRT_KERNEL(argmax_f64, ScanArgs) { argMax<double>(a); }
AMPRT_KERNEL(argmax_int, ScanArgs) { argMax<i64>(a); }
