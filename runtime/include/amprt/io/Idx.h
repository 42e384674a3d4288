//===- Idx.h - IDX files, the format of MNIST -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Two zero bytes, an element type, the rank, one big-endian size per
// dimension, then the elements, big-endian; the whole often gzipped.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_IDX_H
#define AMPRT_IO_IDX_H

#include "amprt/Tensor.h"

namespace amprt::io {

/// Reads an IDX file, gzipped or not: uint8, int8, int32, float32, float64.
Result<Tensor> readIdx(const std::string &path);

} // namespace amprt::io

#endif // AMPRT_IO_IDX_H
