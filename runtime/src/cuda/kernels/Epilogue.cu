//===- Epilogue.cu - ReLU's bit masks -------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// For products whose epilogue cuBLASLt does not have: the mask of a product
// that ReLU was applied to, and the gradient that the mask lets through.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

/// One byte, eight elements, at a time.
AMPRT_KERNEL(relu_mask, MaskArgs) {
  i64 total = a.rows * a.maskBytes;
  for (i64 at = firstIndex(); at < total; at += indexStep()) {
    i64 row = at / a.maskBytes, first = at % a.maskBytes * 8;
    unsigned bits = 0;
    for (i64 j = first; j < first + 8 && j < a.columns; ++j)
      bits |= unsigned(loadFloat(a.values, a.type, row * a.pitch + j) > 0)
              << (j - first);
    a.mask[at] = (unsigned char)(bits);
  }
}

AMPRT_KERNEL(relu_masked, MaskArgs) {
  i64 total = a.rows * a.columns;
  for (i64 at = firstIndex(); at < total; at += indexStep()) {
    i64 row = at / a.columns, j = at % a.columns;
    if (!(a.mask[row * a.maskBytes + j / 8] >> (j % 8) & 1))
      store(a.values, a.type, row * a.pitch + j, 0.0f);
  }
}
