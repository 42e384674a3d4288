//===- VectorProduct.h - Products with few rows -----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// c = a · b for an `a` of at most four rows, as in inference on one example.
// Such a product does little more than read `b` once, so it reads `b` as it is
// stored, 16-bit or float32, and never converts it to memory.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_VECTORPRODUCT_H
#define AMPRT_CPU_VECTORPRODUCT_H

#include "amprt/Tensor.h"

namespace amprt::cpu {

/// The matrix that is read: [k, n], or [n, k] when transposed, with rows
/// `pitch` elements apart; float32, float16 or bfloat16.
struct StoredMatrix {
  const void *data;
  DType dtype;
  int64_t pitch;
  bool transposed;
};

/// sums[m, n] = a[m, k] · b, dense, for m of 1 to kVectorRows. Sums are cut
/// into parts that depend on the sizes alone, so the bits are the same at any
/// number of threads. `partial` has vectorScratch(m, n, k) numbers.
void vectorProduct(int64_t m, int64_t n, int64_t k, const float *a,
                   const StoredMatrix &b, float *sums, float *partial);
size_t vectorScratch(int64_t m, int64_t n, int64_t k);

/// The same without vector instructions, for tests.
namespace portable {
void vectorProduct(int64_t m, int64_t n, int64_t k, const float *a,
                   const StoredMatrix &b, float *sums, float *partial);
} // namespace portable

} // namespace amprt::cpu

#endif // AMPRT_CPU_VECTORPRODUCT_H
